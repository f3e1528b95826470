// NDJSON file → parser → gateway delivery, every outcome read.
import { pipeline } from 'node:stream/promises';
import { createBinaryDelivery, createNdjsonParser } from '../../dist/index.js';
import { openInput } from '../harness/input.mjs';
import { countAccepted } from './outcomes.mjs';

export async function prepare({ input, host, port, tls }, progress) {
  return async (count) => {
    const outcomes = countAccepted(progress);
    const delivery = createBinaryDelivery({ host, port, tls });
    await pipeline(openInput(input, count), createNdjsonParser({ payload: 'raw' }), delivery, outcomes);
    if (outcomes.accepted !== count) throw new Error(`accepted ${outcomes.accepted} of ${count}`);
  };
}
