/** Peers that are slow, that talk nonsense, or talk too much: each sink and the source get through, or give up in time. */
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { encodeErrorResponse } from '../../src/protocol/binary/error-response.js';
import { encodeFeedbackTuple } from '../../src/protocol/binary/feedback-tuple.js';
import { encodeFrame } from '../../src/protocol/binary/frame.js';
import { encodeFrame as encodeHttp2Frame } from '../../src/protocol/http2/frame.js';
import { createBinarySink } from '../../src/sinks/binary-sink.js';
import { createFeedbackSource } from '../../src/sources/feedback-source.js';
import { CONSUMER_NAMES, CONSUMERS, GIVEN } from '../support/consumers.js';
import { brief, frames, range, send, TOKEN } from '../support/frames.js';
import { settingsFrame, startRawGateway } from '../support/http2-raw-gateway.js';
import { notifications, sendAll, statuses } from '../support/http2-sending.js';
import { authority, listenTls } from '../support/loopback.js';
import { startScriptedGateway } from '../support/scripted-gateway.js';
import { flood, trickle } from '../support/trickle.js';

/** The pace of a peer that is meant to be still there at the end of a deadline. */
const SLOW_MS = 20;
const SECOND_MS = 1000;

describe.each(CONSUMER_NAMES)('a %s', (name) => {
  const RUNS_MS = 10_000;

  it.each<[string, (socket: TLSSocket) => void]>([
    ['garbage a byte at a time', (socket) => trickle(socket, Buffer.alloc(10_000, 0xfe), SLOW_MS)],
    ['an HTTP/1.1 answer', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')],
    ['what was sent to it', (socket) => socket.pipe(socket)],
    ['nothing, and reads nothing', (socket) => socket.pause()],
    ['nothing, and reads all', (socket) => socket.resume()],
  ])('that gets %s ends in time, with nothing accepted', async (_what, serve) => {
    const port = await listenTls(serve, { ALPNProtocols: ['h2'] });
    const reading = CONSUMERS[name]({
      host: '127.0.0.1',
      port,
      tls: { ca: authority.cert },
      connectTimeoutMs: 1000,
    });
    const { code, outcomes, elapsedMs } = await reading;
    expect(elapsedMs).toBeLessThan(RUNS_MS);
    expect(outcomes.join()).not.toContain('accepted');
    if (name === 'feedback source') return;
    expect(outcomes).toHaveLength(GIVEN);
    // What waited for a connection until its deadline ends without an error of the sink.
    if (/unsent (?!Deadline)/.test(outcomes.join())) expect(code).toMatch(/^APNS_ERR_/);
  });
});

// Not for the source: to it this is a list without an end.
it.each(['binary sink', 'HTTP/2 sink'] as const)('a %s leaves a gateway that floods it', async (name) => {
  const port = await listenTls((socket) => flood(socket, Buffer.alloc(16_384, 0xfe)), {
    ALPNProtocols: ['h2'],
  });
  const { code, outcomes } = await CONSUMERS[name]({ host: '127.0.0.1', port, tls: { ca: authority.cert } });
  expect(outcomes).toHaveLength(GIVEN);
  expect(outcomes.join()).toMatch(/^((unsent|unknown) \w+,?)+$/);
  // What was written before the flood is unknown; then nothing is left that would need another connection.
  if (outcomes.join().includes('unsent'))
    expect(code).toMatch(/^APNS_ERR_(MALFORMED_PACKET|NOT_HTTP2|HTTP2_PROTOCOL)$/);
});

// The one test that takes its name by the word, for all three at once: each is within its default deadlines.
it('a server that sends one byte a second is heard to its end, and no longer', async () => {
  const gateway = await startScriptedGateway({
    onCheckpoint(peer, { identifier = 0 }) {
      peer.isAnswered = true;
      const answer = encodeErrorResponse({ statusCode: 2, identifier });
      trickle(peer.socket, answer, SECOND_MS, () => peer.socket.end());
    },
  });
  const http2 = await startRawGateway({
    onRequest(peer, request) {
      const answer = encodeHttp2Frame(peer.headers(request.streamId, [[':status', '200']]));
      trickle(peer.socket, answer, SECOND_MS);
    },
  });
  const tuple = { timestamp: 1, deviceToken: 'abcd' };
  const port = await listenTls((socket) =>
    trickle(socket, encodeFeedbackTuple(tuple), SECOND_MS, () => socket.end()),
  );
  const feedback = createFeedbackSource({ host: '127.0.0.1', port, tls: { ca: authority.cert } });
  const sink = createBinarySink(gateway.options);
  const [outcomes, sent, tuples] = await Promise.all([
    send(sink, frames(3)),
    sendAll(http2.options, notifications(1)),
    feedback.toArray(),
  ]);
  expect(brief(outcomes)).toEqual(range('accepted', 1, 3));
  expect(statuses(sent)).toEqual(['accepted']);
  expect(tuples).toEqual([tuple]);
});

describe('a binary sink', () => {
  it('is not held by a gateway that never gets to the end of its answer', async () => {
    const gateway = await startScriptedGateway({
      onCheckpoint(peer) {
        peer.isAnswered = true;
        peer.socket.write(Buffer.of(8, 2, 0));
      },
    });
    const sink = createBinarySink({ ...gateway.options, pingTimeoutMs: 300 });
    expect(brief(await send(sink, frames(3)))).toEqual(range('unknown', 1, 3));
  });

  it('takes one answer of a flood of them, and sends the rest elsewhere', async () => {
    const gateway = await startScriptedGateway({
      onFrame(peer, { identifier }) {
        if (peer.index > 0 || identifier !== 2) return;
        peer.isAnswered = true;
        flood(peer.socket, encodeErrorResponse({ statusCode: 8, identifier: 2 }));
      },
    });
    const sink = createBinarySink(gateway.options);
    const outcomes = await send(sink, frames(5));
    expect(brief(outcomes)).toEqual(['accepted:1', 'rejected:2', ...range('accepted', 3, 5)]);
  });

  it('gets everything to a gateway that reads slowly, at its pace and without giving up', async () => {
    const gateway = await startScriptedGateway({ onConnection: ({ socket }) => readSlowly(socket, 2) });
    const payload = JSON.stringify({ aps: { alert: 'x'.repeat(1900) } });
    const chunks = Array.from({ length: 1500 }, (_, i) =>
      encodeFrame({ deviceToken: TOKEN, payload, identifier: i + 1 }),
    );
    const outcomes = await send(createBinarySink({ ...gateway.options, pingTimeoutMs: 25_000 }), chunks);
    expect(outcomes.filter(({ status }) => status === 'accepted')).toHaveLength(1500);
  });
});

/** Takes a break after each TLS record, which is of 16 KiB at most. */
function readSlowly(socket: TLSSocket, breakMs: number): void {
  socket.on('data', () => {
    socket.pause();
    setTimeout(() => socket.resume(), breakMs);
  });
}

describe('an HTTP/2 sink', () => {
  it('is not held by a gateway that trickles its SETTINGS', async () => {
    const settings = encodeHttp2Frame(settingsFrame({ maxConcurrentStreams: 10 }));
    const port = await listenTls((socket) => trickle(socket.resume(), settings, 500), {
      ALPNProtocols: ['h2'],
    });
    const options = { host: '127.0.0.1', port, tls: { ca: authority.cert } };
    const sent = await sendAll(
      { ...options, connectTimeoutMs: 1500, backoff: { initialMs: 1, attempts: 1 } },
      notifications(2),
    );
    expect(sent.error).toMatchObject({ code: 'APNS_ERR_TIMEOUT' });
    expect(statuses(sent)).toEqual(Array(2).fill('unsent Timeout'));
  });

  it('is not held by a gateway that trickles an answer', async () => {
    const gateway = await startRawGateway({
      onRequest(peer, request) {
        if (peer.index > 0 || request.streamId > 1) return peer.respond(request, 200);
        const head = encodeHttp2Frame(peer.headers(1, [[':status', '400']], false));
        peer.write(head.subarray(0, -1));
      },
    });
    const sent = await sendAll(
      { ...gateway.options, timeoutMs: 1500, window: { count: 1 } },
      notifications(1),
    );
    expect(statuses(sent)).toEqual(['unknown DeadlineExceeded']);
  });

  it('is not held by a gateway that sends a frame of 16 MiB a byte at a time', async () => {
    const gateway = await startRawGateway({
      onRequest(peer) {
        // An unknown frame, which is to be ignored whole.
        peer.write(Buffer.from('003fff7700 00000000'.replace(' ', ''), 'hex'));
        trickle(peer.socket, Buffer.alloc(10_000), SLOW_MS);
      },
    });
    const sent = await sendAll({ ...gateway.options, timeoutMs: 1500 }, notifications(2));
    expect(statuses(sent)).toEqual(Array(2).fill('unknown DeadlineExceeded'));
  });

  it('settles all of what a gateway that reads slowly has not taken, and what it has', async () => {
    const gateway = await startRawGateway({
      settings: { maxConcurrentStreams: 5 },
      onConnection(peer) {
        peer.send(settingsFrame({ maxConcurrentStreams: 5 }));
        readSlowly(peer.socket, 100);
      },
    });
    const sent = await sendAll({ ...gateway.options, timeoutMs: 1000 }, notifications(200));
    const { accepted, unsent, unknown } = sent.counts;
    expect(accepted).toBeGreaterThan(0);
    expect(accepted + unsent + unknown).toBe(200);
    expect(gateway.requests.length).toBeGreaterThanOrEqual(accepted);
  });
});

describe('a feedback source', () => {
  it('reads a flood no faster than it is read', async () => {
    const tuple = encodeFeedbackTuple({ timestamp: 1, deviceToken: 'ab'.repeat(32) });
    const port = await listenTls((socket) => flood(socket, Buffer.concat(Array(1000).fill(tuple))));
    const source = createFeedbackSource({ host: '127.0.0.1', port, tls: { ca: authority.cert } });
    await once(source, 'readable');
    const before = process.memoryUsage();
    for (let i = 0; i < 2000; i++) {
      await new Promise(setImmediate);
      if (i % 10 === 0) source.read();
    }
    const { heapUsed, external } = process.memoryUsage();
    expect(source.readableLength).toBeLessThan(20_000);
    // A flood that nobody held back would be as many megabytes as there are turns times the chunk: 80 MiB.
    expect(heapUsed + external - before.heapUsed - before.external).toBeLessThan(40 * 1024 * 1024);
    source.destroy();
  });
});
