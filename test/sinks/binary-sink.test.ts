import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { inspect } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { settledCount } from '../../src/core/outcome.js';
import { FrameSender } from '../../src/engine/binary/frame-sender.js';
import { createBinarySink } from '../../src/sinks/binary-sink.js';
import { brief, closed, frames, range, send, TOKEN, until } from '../support/frames.js';
import { startScriptedGateway } from '../support/scripted-gateway.js';

test('proves every frame accepted by a checkpoint at the end', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink(gateway.options);
  const outcomes = await send(sink, frames(10));
  expect(brief(outcomes)).toEqual(range('accepted', 1, 10));
  expect(sink.counts).toEqual({
    accepted: 10,
    rejected: 0,
    invalid: 0,
    unsent: 0,
    unknown: 0,
    presumed: 0,
    resent: 0,
  });
  expect(gateway.identifiers()).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]);
});

test('has the named frame rejected, the earlier ones accepted and the later ones written again in order', async () => {
  const gateway = await startScriptedGateway({
    onFrame: (peer, frame) => {
      if (frame.identifier === 4) peer.answer(8, 4);
    },
  });
  const sink = createBinarySink(gateway.options);
  const outcomes = await send(sink, [Buffer.concat(frames(10))]);
  expect(brief(outcomes)).toEqual([...range('accepted', 1, 3), 'rejected:4', ...range('accepted', 5, 10)]);
  expect(outcomes[3]).toMatchObject({ reason: 'InvalidToken', statusCode: 8, deviceToken: TOKEN });
  expect(sink.counts.resent).toBe(6);
  expect(gateway.identifiers()).toEqual([
    [1, 2, 3, 4],
    [5, 6, 7, 8, 9, 10],
  ]);
});

test('takes the notification that a shutdown names as the last one accepted', async () => {
  const gateway = await startScriptedGateway({
    onFrame: (peer, frame) => {
      if (peer.index === 0 && frame.identifier === 4) peer.answer(10, 4);
    },
  });
  const sink = createBinarySink(gateway.options);
  const outcomes = await send(sink, [Buffer.concat(frames(6))]);
  expect(brief(outcomes)).toEqual(range('accepted', 1, 6));
  expect(gateway.identifiers()).toEqual([
    [1, 2, 3, 4],
    [5, 6],
  ]);
});

test.each([10, 8, 255, 128])('takes status %i with identifier 0 as proof of nothing', async (statusCode) => {
  const gateway = await startScriptedGateway({
    onFrame: (peer, frame) => {
      if (frame.identifier === 3) peer.answer(statusCode, 0);
    },
  });
  const sink = createBinarySink({ ...gateway.options, backoff: { initialMs: 1 } });
  const outcomes = sink.outcomes.toArray();
  sink.on('error', () => {});
  sink.end(Buffer.concat(frames(3)));
  await new Promise((resolve) => sink.once('close', resolve));
  expect(brief(await outcomes)).toEqual(range('unknown', 1, 3));
  expect(sink.errored).toEqual(
    statusCode === 128 ? expect.objectContaining({ code: 'APNS_ERR_GATEWAY_PROTOCOL' }) : null,
  );
});

test('tries a notification again that failed with ProcessingError', async () => {
  let failures = 0;
  const gateway = await startScriptedGateway({
    onFrame: (peer, frame) => {
      if (frame.identifier === 2 && failures++ < 2) peer.answer(1, 2);
    },
  });
  const sink = createBinarySink(gateway.options);
  const outcomes = await send(sink, [Buffer.concat(frames(3))]);
  expect(brief(outcomes).sort()).toEqual(range('accepted', 1, 3));
  expect(outcomes.find(({ identifier }) => identifier === 2)?.attempts).toBe(3);
});

test('does not call rejected what an earlier attempt left unknown', async () => {
  const gateway = await startScriptedGateway({
    onFrame: (peer, frame) => {
      if (peer.index === 0) peer.close();
      else peer.answer(1, frame.identifier!);
    },
  });
  const sink = createBinarySink({
    ...gateway.options,
    backoff: { initialMs: 1 },
    onUnknown: 'resend',
    timeoutMs: 500,
  });
  expect(brief(await send(sink, frames(1)))).toEqual(['unknown:1']);
});

test('stops when the gateway cannot parse what it is sent', async () => {
  const gateway = await startScriptedGateway({
    onFrame: (peer, frame) => {
      if (frame.identifier === 2) peer.answer(128, 2);
    },
  });
  const sink = createBinarySink(gateway.options);
  const outcomes = sink.outcomes.toArray();
  await expect(pipeline(Readable.from([Buffer.concat(frames(4))]), sink)).rejects.toMatchObject({
    code: 'APNS_ERR_GATEWAY_PROTOCOL',
  });
  expect(brief(await outcomes)).toEqual(['accepted:1', 'rejected:2', 'unsent:3', 'unsent:4']);
  expect(gateway.peers).toHaveLength(1);
});

test('reports what was written to a connection that ended without a word as unknown', async () => {
  const gateway = await startScriptedGateway({
    onFrame: (peer, frame) => {
      if (frame.identifier === 3) peer.close();
    },
  });
  const sink = createBinarySink({ ...gateway.options, backoff: { initialMs: 1 } });
  const outcomes = await send(sink, [Buffer.concat(frames(3))]);
  expect(brief(outcomes)).toEqual(range('unknown', 1, 3));
  expect(gateway.peers).toHaveLength(1);
});

test('writes it again when it was told to', async () => {
  const gateway = await startScriptedGateway({
    onFrame: (peer, frame) => {
      if (peer.index === 0 && frame.identifier === 3) peer.reset();
    },
  });
  const sink = createBinarySink({ ...gateway.options, backoff: { initialMs: 1 }, onUnknown: 'resend' });
  const outcomes = await send(sink, [Buffer.concat(frames(3))]);
  expect(brief(outcomes)).toEqual(range('accepted', 1, 3));
  expect(sink.counts.resent).toBe(3);
});

test('proves a window of many frames piece by piece, on connections opened beforehand', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink({ ...gateway.options, window: { count: 100 } });
  const outcomes = await send(sink, [Buffer.concat(frames(500))]);
  expect(brief(outcomes).sort()).toEqual(range('accepted', 1, 500).sort());
  expect(gateway.peers.length).toBeGreaterThanOrEqual(10);
});

test('presumes, and never calls accepted, what silence settled', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink({ ...gateway.options, checkpoint: 'never' });
  const outcomes = await send(sink, [Buffer.concat(frames(3))]);
  expect(brief(outcomes)).toEqual(range('presumed', 1, 3));
});

test('keeps counts and never stalls while nobody reads outcomes', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink({ ...gateway.options, window: { count: 50 } });
  await pipeline(Readable.from(frames(300)), sink);
  expect(sink.counts.accepted).toBe(300);
});

test('takes no more than 256 KiB before it can write any of it', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const sink = createBinarySink({ host: '127.0.0.1', port, tls: {} });
  sink.on('error', () => {});
  const all = frames(10_000);
  let takenBytes = 0;
  for (const frame of all) sink.write(frame, (error) => (takenBytes += error ? 0 : frame.length));
  // Nothing else is under way, so that nothing more is taken when a few turns have taken nothing.
  for (let turns = 0, before = -1; turns < 10; turns = before === takenBytes ? turns + 1 : 0) {
    before = takenBytes;
    await new Promise(setImmediate);
  }
  expect(takenBytes).toBeGreaterThan(255 * 1024);
  expect(takenBytes).toBeLessThan(257 * 1024);
  sink.destroy();
  await once(sink, 'close');
  expect(sink.counts).toMatchObject({ unsent: all.length, unknown: 0 });
  silent.close();
});

test('takes no more frames than the window holds from a gateway that does not read', async () => {
  const gateway = await startScriptedGateway({ onConnection: ({ socket }) => void socket.pause() });
  const sink = createBinarySink({ ...gateway.options, window: { count: 20 }, highWaterMark: 1 });
  let pulled = 0;
  const source = Readable.from(
    (function* () {
      for (const frame of frames(1000)) {
        pulled++;
        yield frame;
      }
    })(),
    { highWaterMark: 1 },
  );
  source.pipe(sink);
  while (gateway.peers.length < 2) await new Promise(setImmediate);
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  expect(pulled).toBeLessThanOrEqual(20 + 4);
  sink.destroy();
  await once(sink, 'close');
  const { counts } = sink;
  expect(counts.unknown + counts.unsent).toBeGreaterThanOrEqual(20);
});

test('has frames of its own once a write has called back', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink(gateway.options);
  const outcomes = sink.outcomes.toArray();
  const [first, ...others] = frames(3);
  const scratch = Buffer.alloc(first!.length);
  for (const frame of [first!, ...others]) {
    frame.copy(scratch);
    await new Promise((resolve) => sink.write(scratch, resolve));
  }
  sink.end();
  expect(brief(await outcomes)).toEqual(range('accepted', 1, 3));
  expect(gateway.identifiers()).toEqual([[1, 2, 3]]);
});

test('settles what it was given when it is destroyed', async () => {
  const gateway = await startScriptedGateway({ onCheckpoint: () => {} });
  const sink = createBinarySink({ ...gateway.options, window: { count: 5 } });
  const outcomes = sink.outcomes.toArray();
  for (const frame of frames(20)) sink.write(frame);
  while ((gateway.peers[0]?.frames.length ?? 0) < 2) await new Promise(setImmediate);
  sink.destroy();
  await once(sink, 'close');
  const settled = await outcomes;
  expect(settled.map(({ identifier }) => identifier).sort((a, b) => a! - b!)).toEqual(
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
  expect(sink.counts.unknown + sink.counts.unsent).toBe(20);
});

test('settles the whole frames before bytes that are no frame, then fails', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink(gateway.options);
  const outcomes = sink.outcomes.toArray();
  const bytes = Buffer.concat([...frames(2), Buffer.from('ff00', 'hex')]);
  await expect(pipeline(Readable.from([bytes]), sink)).rejects.toMatchObject({
    code: 'APNS_ERR_MALFORMED_PACKET',
  });
  expect(brief(await outcomes)).toEqual(range('accepted', 1, 2));
});

test('fails for an end inside a frame, after the whole ones are settled', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink(gateway.options);
  const bytes = Buffer.concat(frames(2));
  await expect(pipeline(Readable.from([bytes.subarray(0, -1)]), sink)).rejects.toMatchObject({
    code: 'APNS_ERR_TRUNCATED_PACKET',
  });
  expect(sink.counts.accepted).toBe(1);
});

test('gives up after the last attempt when nothing listens', async () => {
  const sink = createBinarySink({ host: '127.0.0.1', port: 1, backoff: { initialMs: 1, attempts: 2 } });
  const outcomes = sink.outcomes.toArray();
  await expect(pipeline(Readable.from(frames(2)), sink)).rejects.toMatchObject({
    code: 'APNS_ERR_CONNECTION_REFUSED',
  });
  expect(brief(await outcomes)).toEqual(range('unsent', 1, 2));
});

test('backs off from a gateway that closes the moment it is connected, and sends it nothing', async () => {
  const gateway = await startScriptedGateway({ onConnection: (peer) => peer.close() });
  const sink = createBinarySink({ ...gateway.options, backoff: { initialMs: 1, attempts: 3 } });
  await expect(pipeline(Readable.from(frames(2)), sink)).rejects.toMatchObject({
    code: 'APNS_ERR_CREDENTIALS_REFUSED',
  });
  expect(gateway.peers).toHaveLength(4);
  expect(sink.counts).toMatchObject({ unsent: 2, unknown: 0 });
});

test('settles everything before `await using` lets go of it', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink(gateway.options);
  for (const frame of frames(10)) sink.write(frame);
  await sink[Symbol.asyncDispose]();
  expect(sink.counts.accepted).toBe(10);
});

test('writes one frame to an idle sink within the same turn', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink(gateway.options);
  sink.write(frames(1)[0]!);
  while ((gateway.peers[0]?.frames.length ?? 0) < 1) await new Promise(setImmediate);
  const bytesBefore = gateway.peers[0]!.socket.bytesRead;
  sink.write(frames(1, 2)[0]!);
  const arrived = once(gateway.peers[0]!.socket, 'data');
  await arrived;
  expect(gateway.peers[0]!.socket.bytesRead).toBeGreaterThan(bytesBefore);
  await sink[Symbol.asyncDispose]();
});

test('fails by itself, without an end, when the credentials are refused', async () => {
  const gateway = await startScriptedGateway({ onConnection: (peer) => peer.close() });
  const sink = createBinarySink({ ...gateway.options, backoff: { attempts: 0 } });
  sink.on('error', () => {}).write(frames(1)[0]!);
  await closed(sink);
  expect(sink.errored).toMatchObject({ code: 'APNS_ERR_CREDENTIALS_REFUSED' });
});

test('fails by itself, without an end, for bytes that are no frame, and reads nothing behind them', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink(gateway.options);
  const errors: unknown[] = [];
  sink.on('error', () => {});
  sink.write(Buffer.concat([...frames(2), Buffer.from('ff00', 'hex')]), (error) => errors.push(error));
  sink.write(Buffer.concat(frames(3)));
  await closed(sink);
  const malformed = expect.objectContaining({ code: 'APNS_ERR_MALFORMED_PACKET' });
  expect([sink.errored, ...errors]).toEqual([malformed, malformed]);
  expect([sink.counts.accepted, settledCount(sink.counts)]).toEqual([2, 2]);
});

test('reads nothing behind bytes that are no frame when it is destroyed, either', async () => {
  const sink = createBinarySink({ host: '127.0.0.1', port: 1, backoff: { initialMs: 60_000 } });
  sink.write(Buffer.concat([...frames(2), Buffer.from('ff00', 'hex')]));
  sink.write(Buffer.concat(frames(3)));
  sink.destroy();
  await closed(sink);
  expect([sink.counts.unsent, settledCount(sink.counts)]).toEqual([2, 2]);
});

test('emits each error response, but for those to checkpoints', async () => {
  const gateway = await startScriptedGateway({
    onFrame: (peer, frame) => {
      if (frame.identifier === 2) peer.answer(8, 2);
    },
  });
  const sink = createBinarySink(gateway.options);
  const responses: unknown[] = [];
  sink.on('errorResponse', (response) => responses.push(response));
  await send(sink, [Buffer.concat(frames(4))]);
  expect(responses).toEqual([{ statusCode: 8, reason: 'InvalidToken', identifier: 2 }]);
});

test('is destroyed by its signal, and at once by one that was aborted before', async () => {
  const abort = new AbortController();
  const options = { host: '127.0.0.1', port: 1, signal: abort.signal };
  const sink = createBinarySink(options).on('error', () => {});
  sink.cork();
  sink.write(frames(1)[0]!);
  abort.abort();
  const late = createBinarySink(options).on('error', () => {});
  expect([sink.destroyed, late.destroyed]).toEqual([true, true]);
  await Promise.all([closed(sink), closed(late)]);
  expect([sink.errored?.name, late.errored?.name, sink.counts.unsent]).toEqual([
    'AbortError',
    'AbortError',
    1,
  ]);
});

test('goes on when the outcomes that filled its window are read', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink({ ...gateway.options, window: { count: 4 } });
  const onRead = vi.spyOn(FrameSender.prototype, 'onRead');
  onTestFinished(() => onRead.mockRestore());
  const { outcomes } = sink;
  sink.end(Buffer.concat(frames(200)));
  await until(() => sink.counts.accepted >= 4);
  expect(onRead).not.toHaveBeenCalled();
  const read = await outcomes.toArray();
  expect(onRead).toHaveBeenCalled();
  expect(brief(read).sort()).toEqual(range('accepted', 1, 200).sort());
});

test('has outcomes that end at once where they are first asked for after the close', async () => {
  const sink = createBinarySink({ host: '127.0.0.1', port: 1 });
  sink.destroy();
  await closed(sink);
  expect(await sink.outcomes.toArray()).toEqual([]);
});

test('calls back as soon as the window has taken every frame of a chunk, full or not', async () => {
  const sink = createBinarySink({
    host: '127.0.0.1',
    port: 1,
    backoff: { initialMs: 60_000 },
    window: { count: 3 },
  });
  onTestFinished(() => void sink.destroy());
  const taken: number[] = [];
  sink.write(Buffer.concat(frames(3)), () => taken.push(3));
  sink.write(Buffer.concat(frames(1, 4)), (error) => error ?? taken.push(4));
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  expect(taken).toEqual([3]);
});

test('hands frames that lie behind each other over as one run, in whatever pieces they come', async () => {
  const gateway = await startScriptedGateway();
  const handOver = vi.spyOn(FrameSender.prototype, 'send');
  onTestFinished(() => handOver.mockRestore());
  const sink = createBinarySink(gateway.options);
  const bytes = Buffer.concat(frames(9));
  const length = bytes.length / 9;
  const [first, second] = [3.5 * length, 6.25 * length].map(Math.floor);
  for (const piece of [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)])
    sink.write(piece);
  sink.end();
  await closed(sink);
  // A frame that came in two pieces is a run of its own.
  expect(handOver.mock.calls.map(([{ count }]) => count)).toEqual([3, 1, 2, 1, 2]);
  expect(sink.counts.accepted).toBe(9);
});

test('is shown by its name and counts, without what it holds', () => {
  const sink = createBinarySink({ host: '127.0.0.1', port: 1 });
  onTestFinished(() => void sink.destroy());
  sink.cork();
  sink.write(frames(1)[0]!);
  expect(inspect(sink, { depth: 9 })).toMatch(/^BinarySink \{\s+counts/);
  expect(JSON.parse(JSON.stringify(sink))).toMatchObject({ counts: { accepted: 0 }, destroyed: false });
});
