// NDJSON file → delivery, to a peer that reads nothing: how much the memory grows before the source is stopped.
import { setTimeout } from 'node:timers/promises';
import { createBinaryDelivery, createHttp2Delivery, createNdjsonParser } from '../../dist/index.js';
import { openInput } from '../harness/input.mjs';

const SETTLE_MS = 300;

export async function prepare({ input, host, port, tls, providerToken, topic, wire, stallMs }) {
  return async (count) => {
    const delivery =
      wire === 'http2'
        ? createHttp2Delivery({ host, port, tls: { ca: tls.ca }, providerToken, topic })
        : createBinaryDelivery({ host, port, tls });
    const parser = createNdjsonParser({ payload: 'raw' });
    delivery.on('error', () => {}).resume();
    parser.pipe(delivery);
    const source = openInput(input, count);
    // Connected and compiled, but with nothing under way but one notification.
    for await (const chunk of openInput(input, 1)) parser.write(chunk);
    await setTimeout(SETTLE_MS);
    const before = process.memoryUsage.rss();
    source.pipe(parser);
    let peak = before;
    for (let waited = 0; waited < stallMs; waited += SETTLE_MS) {
      await setTimeout(SETTLE_MS);
      peak = Math.max(peak, process.memoryUsage.rss());
    }
    const { bytesRead } = source;
    source.destroy();
    delivery.destroy();
    return { addedBytes: peak - before, bytesRead };
  };
}
