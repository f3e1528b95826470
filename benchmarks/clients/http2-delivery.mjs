// NDJSON file → parser → HTTP/2 delivery, every outcome read.
import { pipeline } from 'node:stream/promises';
import { createHttp2Delivery, createNdjsonParser } from '../../dist/index.js';
import { openInput } from '../harness/input.mjs';
import { countAccepted } from './outcomes.mjs';

export async function prepare({ input, host, port, tls, providerToken, topic }, progress) {
  return async (count) => {
    const outcomes = countAccepted(progress);
    const delivery = createHttp2Delivery({ host, port, tls: { ca: tls.ca }, providerToken, topic });
    await pipeline(openInput(input, count), createNdjsonParser({ payload: 'raw' }), delivery, outcomes);
    if (outcomes.accepted !== count) throw new Error(`accepted ${outcomes.accepted} of ${count}`);
  };
}
