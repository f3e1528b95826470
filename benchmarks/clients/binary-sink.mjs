// NDJSON file → parser → frame encoder → gateway sink.
import { pipeline } from 'node:stream/promises';
import { createBinarySink, createFrameEncoder, createNdjsonParser } from '../../dist/index.js';
import { openInput } from '../harness/input.mjs';

export async function prepare({ input, host, port, tls, payload, connections = 1 }, progress) {
  return async (count) => {
    const sink = createBinarySink({ host, port, tls, connections });
    progress.count = () => sink.counts.accepted;
    await pipeline(openInput(input, count), createNdjsonParser({ payload }), createFrameEncoder(), sink);
    if (sink.counts.accepted !== count) throw new Error(`accepted ${sink.counts.accepted} of ${count}`);
  };
}
