/** The HTTP/2 sink as a stream: what it does with errors, its signal, what waits, and who reads its outcomes. */
import { inspect } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { ApnsError, InvalidNotificationError } from '../../src/core/errors.js';
import type { Notification } from '../../src/core/notification.js';
import { settledCount } from '../../src/core/outcome.js';
import { Http2Sender } from '../../src/engine/http2/sender.js';
import { createHttp2Sink, type Http2Sink, type Http2SinkOptions } from '../../src/sinks/http2-sink.js';
import { closed, until } from '../support/frames.js';
import { type RawScript, startRawGateway } from '../support/http2-raw-gateway.js';
import { notifications } from '../support/http2-sending.js';

const NOWHERE = { host: '127.0.0.1', port: 1, backoff: { initialMs: 60_000 } };
const [good] = notifications(1) as [Notification];
const bad = { ...good, deviceToken: 'xyz' };

function createSink(options: Http2SinkOptions): { sink: Http2Sink; errors: unknown[] } {
  const errors: unknown[] = [];
  const sink = createHttp2Sink(options).on('error', (error) => errors.push(error));
  onTestFinished(() => void sink.destroy());
  return { sink, errors };
}

async function connected(options: Http2SinkOptions = {}, script: RawScript = {}) {
  const gateway = await startRawGateway(script);
  return { gateway, ...createSink({ ...gateway.options, ...options }) };
}

test('passes an invalid notification to onInvalid, and sends the others', async () => {
  const invalid: InvalidNotificationError[] = [];
  const { sink, errors } = await connected({ onInvalid: (error) => void invalid.push(error) });
  const reading = sink.outcomes.toArray();
  for (const notification of [good, bad, good]) sink.write(notification);
  sink.end();
  const outcomes = await reading;
  expect(outcomes.find(({ status }) => status === 'invalid')).toMatchObject({
    field: 'deviceToken',
    message: invalid[0]!.problem,
  });
  expect(invalid.map(({ field, notification }) => [field, notification])).toEqual([['deviceToken', bad]]);
  expect([sink.counts.accepted, sink.counts.invalid, errors]).toEqual([2, 1, []]);
});

test('fails with what onInvalid throws, without sending what is behind it', async () => {
  const thrown = new Error('of the caller');
  const { sink, errors } = await connected({
    onInvalid: () => {
      throw thrown;
    },
  });
  const failures: unknown[] = [];
  // Both are in the stream before the first is taken.
  sink.cork();
  sink.write(bad, (error) => failures.push(error));
  sink.write(good);
  sink.uncork();
  await closed(sink);
  expect([errors, failures]).toEqual([[thrown], [thrown]]);
  expect([sink.counts.invalid, sink.counts.unsent, settledCount(sink.counts)]).toEqual([1, 1, 2]);
});

test('fails for an invalid notification without onInvalid, once what came before it is settled', async () => {
  const { sink, errors } = await connected();
  const failures: unknown[] = [];
  sink.write(good);
  sink.write(bad, (error) => failures.push(error));
  sink.write(good);
  await closed(sink);
  const error = expect.objectContaining({ code: 'APNS_ERR_INVALID_NOTIFICATION', field: 'deviceToken' });
  expect([errors, failures]).toEqual([[error], [error]]);
  expect(sink.counts).toMatchObject({ accepted: 1, invalid: 1, unsent: 1 });
});

test('fails with the failure of the sending where it ends before an invalid notification is reported', async () => {
  const { sink, errors } = await connected(
    {},
    { onRequest: (peer, request) => peer.respond(request, 403, '{"reason":"BadCertificate"}') },
  );
  sink.write(good);
  sink.write(bad);
  await closed(sink);
  expect(errors).toMatchObject([{ code: 'APNS_ERR_CREDENTIALS_REFUSED' }]);
});

test('fails by itself, without an end, when credentials are refused', async () => {
  const { sink, errors } = await connected(
    {},
    { onRequest: (peer, request) => peer.respond(request, 403, '{"reason":"BadCertificate"}') },
  );
  sink.write(good);
  await closed(sink);
  expect(errors).toMatchObject([{ code: 'APNS_ERR_CREDENTIALS_REFUSED' }]);
});

test('gives the failure of the sending to the callback of the end', async () => {
  const { sink, errors } = createSink({ ...NOWHERE, backoff: { attempts: 0 } });
  let failure: ApnsError | null | undefined;
  sink.write(good);
  sink.end();
  sink.once('error', (error) => {
    failure = error as ApnsError;
  });
  await closed(sink);
  expect(failure?.code).toBe('APNS_ERR_CONNECTION_REFUSED');
  expect(errors).toHaveLength(1);
});

test('fails for any other error of the sender, which is not the fault of a notification', async () => {
  const invalid: unknown[] = [];
  const { sink, errors } = createSink({ ...NOWHERE, onInvalid: (error) => invalid.push(error) });
  const failure = new Error('no token can be signed');
  const send = vi.spyOn(Http2Sender.prototype, 'send').mockImplementation(() => {
    throw failure;
  });
  onTestFinished(() => send.mockRestore());
  const failures: unknown[] = [];
  sink.write(good, (error) => failures.push(error));
  await closed(sink);
  expect([errors, failures, invalid]).toEqual([[failure], [failure], []]);
});

test('is destroyed by its signal, and at once by one that was aborted before', async () => {
  const abort = new AbortController();
  const { sink } = createSink({ ...NOWHERE, signal: abort.signal });
  sink.write(good);
  abort.abort();
  const late = createSink({ ...NOWHERE, signal: abort.signal }).sink;
  expect([sink.destroyed, late.destroyed]).toEqual([true, true]);
  await Promise.all([closed(sink), closed(late)]);
  expect([sink.errored?.name, late.errored?.name, sink.counts.unsent]).toEqual([
    'AbortError',
    'AbortError',
    1,
  ]);
});

test('gives an outcome to what was taken, what waits for room and what Node holds, when it is destroyed', async () => {
  const { sink } = createSink({ ...NOWHERE, window: { count: 2 } });
  const reading = sink.outcomes.toArray();
  const input = notifications(6);
  for (const notification of input) sink.write(notification);
  sink.destroy();
  const outcomes = await reading;
  expect(outcomes.map(({ status, reason }) => `${status} ${reason}`)).toEqual(
    Array(6).fill('unsent Aborted'),
  );
  expect(new Set(outcomes.map(({ notification }) => notification))).toEqual(new Set(input));
  expect(settledCount(sink.counts)).toBe(6);
});

test('goes on when the outcomes that filled its window are read', async () => {
  const { sink } = await connected({ window: { count: 4 } });
  const onRead = vi.spyOn(Http2Sender.prototype, 'onRead');
  onTestFinished(() => onRead.mockRestore());
  const { outcomes } = sink;
  const input = notifications(100);
  for (const notification of input) sink.write(notification);
  sink.end();
  await until(() => sink.counts.accepted >= 4);
  expect(onRead).not.toHaveBeenCalled();
  expect(await outcomes.toArray()).toHaveLength(100);
  expect(onRead).toHaveBeenCalled();
});

test('has outcomes that end at once where they are first asked for after the close', async () => {
  const { sink } = createSink(NOWHERE);
  sink.destroy();
  await closed(sink);
  expect(await sink.outcomes.toArray()).toEqual([]);
  expect(sink.outcomes).toBe(sink.outcomes);
});

test('settles everything before `await using` lets go of it', async () => {
  const { sink } = await connected();
  for (const notification of notifications(5)) sink.write(notification);
  await sink[Symbol.asyncDispose]();
  expect([sink.counts.accepted, sink.destroyed]).toEqual([5, true]);
});

test('waits no longer than closeTimeoutMs where `await using` lets go of it', async () => {
  const { sink } = await connected({ closeTimeoutMs: 20 }, { onRequest: () => {} });
  sink.write(good);
  await sink[Symbol.asyncDispose]().catch(() => {});
  expect([settledCount(sink.counts), sink.destroyed]).toEqual([1, true]);
});

test.each([{ onInvalid: 5 }, { onInvalids: () => {} }, { highWaterMark: -1 }])(
  'refuses %j at once',
  (options) => {
    expect(() => createHttp2Sink({ ...NOWHERE, ...options } as Http2SinkOptions)).toThrow(
      expect.objectContaining({ code: 'APNS_ERR_INVALID_OPTION' }),
    );
  },
);

test('holds as many notifications as highWaterMark says', () => {
  expect(createSink({ ...NOWHERE, highWaterMark: 3 }).sink.writableHighWaterMark).toBe(3);
});

test('is shown by its name and counts, without what it holds', () => {
  const { sink } = createSink(NOWHERE);
  sink.cork();
  sink.write(good);
  expect(inspect(sink, { depth: 9 })).toMatch(/^Http2Sink \{\s+counts/);
  expect(JSON.parse(JSON.stringify(sink))).toMatchObject({ counts: { accepted: 0 }, destroyed: false });
});
