// Notification objects → HTTP/2 sink, every outcome read unless `outcomes` is false.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createHttp2Sink } from '../../dist/index.js';
import { createNotification } from '../harness/input.mjs';
import { countAccepted } from './outcomes.mjs';

export async function prepare(job, progress) {
  const { host, port, tls, providerToken, topic, connections = 1, outcomes = true } = job;
  return async (count) => {
    const sink = createHttp2Sink({ host, port, tls: { ca: tls.ca }, providerToken, topic, connections });
    const reader = countAccepted(progress);
    const reading = outcomes ? pipeline(sink.outcomes, reader) : undefined;
    let next = 0;
    const source = new Readable({
      objectMode: true,
      read() {
        while (next < count && this.push(createNotification(next++)));
        if (next === count) this.push(null);
      },
    });
    await pipeline(source, sink);
    await reading;
    if (sink.counts.accepted !== count) throw new Error(`accepted ${sink.counts.accepted} of ${count}`);
  };
}
