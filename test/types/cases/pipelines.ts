/** `pipeline()` and `pipe()` accept every stream of this package, between streams, generators and functions. */
import { createReadStream } from 'node:fs';
import {
  type Duplex,
  finished,
  PassThrough,
  pipeline,
  Readable,
  type Transform,
  type Writable,
} from 'node:stream';
import { pipeline as pipelined } from 'node:stream/promises';
import {
  createBinaryDelivery,
  createBinarySink,
  createErrorResponseDecoder,
  createErrorSource,
  createFeedbackDecoder,
  createFeedbackSource,
  createFrameDecoder,
  createFrameEncoder,
  createHttp2Delivery,
  createHttp2Sink,
  createNdjsonParser,
  createNdjsonStringifier,
  type DeliveryOutcome,
  type FeedbackTuple,
  type Notification,
} from 'apns-streams';

const where = { host: 'localhost' };
const done = (error: Error | null | undefined): void => console.log(error);
async function* notifications(): AsyncGenerator<Notification> {
  yield { deviceToken: 'ab', payload: {} };
}
async function* identity<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  yield* source;
}
async function collect(outcomes: AsyncIterable<DeliveryOutcome>): Promise<number> {
  let count = 0;
  for await (const { status } of outcomes) count += status === 'accepted' ? 1 : 0;
  return count;
}
const input = (): Readable => createReadStream('notifications.ndjson');

await pipelined(input(), createNdjsonParser(), createFrameEncoder(), createBinarySink(where));
await pipelined(input(), createNdjsonParser(), createHttp2Sink(where));
await pipelined(
  input(),
  createNdjsonParser(),
  createHttp2Delivery(where),
  createNdjsonStringifier(),
  process.stdout,
);
await pipelined(input(), createNdjsonParser(), createBinaryDelivery(where), collect);
await pipelined(notifications(), createHttp2Delivery(where), collect);
await pipelined(notifications, createHttp2Delivery(where), createNdjsonStringifier(), process.stdout);
await pipelined(notifications(), createFrameEncoder(), createBinarySink(where));
await pipelined(notifications(), identity, createHttp2Sink(where));
await pipelined([{ deviceToken: 'ab', payload: {} }], createHttp2Sink(where));
await pipelined(Readable.from([]), createHttp2Delivery(where), async (outcomes) => {
  for await (const _ of outcomes);
});
await pipelined(input(), createNdjsonParser(), identity, createHttp2Sink(where));
await pipelined(input(), createFrameDecoder(), createNdjsonStringifier(), new PassThrough());
await pipelined(input(), createFeedbackDecoder(), async (tuples: AsyncIterable<FeedbackTuple>) => {
  for await (const { deviceToken } of tuples) console.log(deviceToken);
});
await pipelined(createFeedbackSource(where), createNdjsonStringifier(), process.stdout, {
  signal: AbortSignal.timeout(1000),
});
await pipelined(createHttp2Sink(where).outcomes, createNdjsonStringifier(), process.stdout, { end: false });
await pipelined(createErrorSource(createBinarySink(where)), createNdjsonStringifier(), process.stdout);
await pipelined(input(), createErrorResponseDecoder(), new PassThrough({ objectMode: true }));

pipeline(input(), createNdjsonParser(), createFrameEncoder(), createBinarySink(where), done);
pipeline(
  input(),
  createNdjsonParser(),
  createHttp2Delivery(where),
  createNdjsonStringifier(),
  process.stdout,
  done,
);
pipeline(notifications(), createHttp2Delivery(where), collect, done);
pipeline(notifications, identity, createHttp2Sink(where), done);
pipeline([input(), createNdjsonParser(), createHttp2Sink(where)], done);
pipeline(createFeedbackSource(where), createNdjsonStringifier(), process.stdout, done);

input().pipe(createNdjsonParser()).pipe(createHttp2Delivery(where)).pipe(createNdjsonStringifier());
input()
  .pipe(createBinarySink(where))
  .on('errorResponse', ({ identifier }) => identifier);
finished(createHttp2Sink(where), done);
Readable.from(notifications()).pipe(createHttp2Sink(where));

const writables: Writable[] = [createHttp2Sink(where), createBinarySink(where), createNdjsonParser()];
const duplexes: Duplex[] = [createHttp2Delivery(where), createBinaryDelivery(where)];
const transforms: Transform[] = [createNdjsonParser(), createNdjsonStringifier(), createFrameEncoder()];
const readables: Readable[] = [createFeedbackSource(where), createHttp2Sink(where).outcomes, ...duplexes];
const nodes: NodeJS.ReadWriteStream[] = [...duplexes, ...transforms, createHttp2Delivery(where)];
const sources: AsyncIterable<DeliveryOutcome>[] = [createHttp2Delivery(where)];
console.log(writables, readables, nodes, sources);
