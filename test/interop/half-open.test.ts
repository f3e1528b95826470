/**
 * A link that is cut in mid-flight, and nobody is told: what most looks like a gateway that thinks. The other end is
 * a process in a network namespace that the test makes and removes; that takes root on Linux, and `ip`.
 */
import { once } from 'node:events';
import { expect, vi } from 'vitest';
import type { Notification } from '../../src/core/notification.js';
import type { Outcome } from '../../src/core/outcome.js';
import { encodeFeedbackTuple } from '../../src/protocol/binary/feedback-tuple.js';
import { encodeFrame } from '../../src/protocol/binary/frame.js';
import { createBinarySink } from '../../src/sinks/binary-sink.js';
import { createHttp2Sink } from '../../src/sinks/http2-sink.js';
import { createFeedbackSource } from '../../src/sources/feedback-source.js';
import { tokenOf } from '../support/http2-sending.js';
import { testUnless } from './requirements.js';
import { noLinksBecause, startBehindLink } from './severable-link.js';

const test = testUnless(noLinksBecause());

/** Numbers from one to below another. */
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

const notification = (i: number): Notification => ({
  deviceToken: tokenOf(i),
  payload: '{"aps":{}}',
  topic: 'com.example.app',
});

const frame = (i: number): Buffer =>
  encodeFrame({ deviceToken: tokenOf(i), payload: '{"aps":{}}', identifier: i + 1 });

/** Status and reason by the number of the notification; fails for one that has two outcomes. */
function byNumber(outcomes: readonly Outcome[]): Map<number, string> {
  const found = new Map<number, string>();
  for (const { deviceToken, status, reason: why } of outcomes) {
    const i = Number.parseInt(deviceToken!, 16);
    expect(found.has(i), `${i} has one outcome`).toBe(false);
    found.set(i, why === undefined ? status : `${status} ${why}`);
  }
  return found;
}

function expectEach(outcomes: Map<number, string>, numbers: readonly number[], expected: string): void {
  expect(numbers.map((i) => outcomes.get(i))).toEqual(numbers.map(() => expected));
}

/** What nothing was heard of may not be called accepted, and what was taken may not be called unsent. */
function expectHonest(outcomes: Map<number, string>, took: readonly string[]): void {
  const taken = new Set(took.map((token) => Number.parseInt(token, 16)));
  for (const [i, outcome] of outcomes) {
    if (outcome === 'accepted') expect(taken.has(i), `${i} is accepted, and was taken`).toBe(true);
    if (outcome.startsWith('unsent')) expect(taken.has(i), `${i} is unsent, and was not taken`).toBe(false);
  }
}

/** What a busy machine adds. */
const SLACK_MS = 5000;

const RETRY = { connectTimeoutMs: 1000, backoff: { initialMs: 1, attempts: 2 } };

test('a binary sink settles everything within the age of its window', async () => {
  const link = await startBehindLink({ kind: 'gateway' });
  const sink = createBinarySink({
    ...link.options,
    ...RETRY,
    window: { ageMs: 500 },
    pingTimeoutMs: 600,
  });
  const failed = once(sink, 'error');
  const reading = sink.outcomes.toArray();
  // Proved by the checkpoint that the window's age brings.
  for (const i of range(0, 100)) sink.write(frame(i));
  await vi.waitUntil(() => sink.counts.accepted === 100, { timeout: 10_000 });
  // Taken by the gateway, and not proved when the link is cut.
  for (const i of range(100, 150)) sink.write(frame(i));
  await link.tookAll(150);
  link.cut();
  const cutAt = performance.now();
  // Written into a link that leads nowhere.
  for (const i of range(150, 200)) sink.write(frame(i));
  await vi.waitUntil(() => sink.counts.unknown === 100, { timeout: 10_000 });
  // Not written at all: the old connection is given up, and there will be no new one.
  for (const i of range(200, 250)) sink.write(frame(i));
  expect((await failed)[0]).toMatchObject({ code: 'APNS_ERR_CONNECT_TIMEOUT' });
  expect(performance.now() - cutAt).toBeLessThan(500 + 600 + 3 * 1000 + SLACK_MS);
  const outcomes = byNumber(await reading);
  expectEach(outcomes, range(0, 100), 'accepted');
  expectEach(outcomes, range(100, 200), 'unknown Timeout');
  expectEach(outcomes, range(200, 250), 'unsent ConnectTimeout');
  expectHonest(outcomes, link.took);
  expect(outcomes.size).toBe(250);
});

test('an HTTP/2 sink settles everything within its deadlines', async () => {
  const link = await startBehindLink({ kind: 'http2', answers: 100, maxConcurrentStreams: 20 });
  const sink = createHttp2Sink({ ...link.options, ...RETRY, timeoutMs: 1500, pingTimeoutMs: 500 });
  const reading = sink.outcomes.toArray();
  for (const i of range(0, 100)) sink.write(notification(i));
  await vi.waitUntil(() => sink.counts.accepted === 100, { timeout: 10_000 });
  // Twenty are taken and not answered, the others wait for a stream.
  for (const i of range(100, 150)) sink.write(notification(i));
  await link.tookAll(120);
  link.cut();
  const cutAt = performance.now();
  const closed = once(sink, 'close');
  sink.end();
  await closed;
  // Each may wait that long for a stream, and then for an answer.
  expect(performance.now() - cutAt).toBeLessThan(2 * 1500 + SLACK_MS);
  const outcomes = byNumber(await reading);
  expectEach(outcomes, range(0, 100), 'accepted');
  expectEach(outcomes, range(100, 120), 'unknown DeadlineExceeded');
  for (const i of range(120, 150)) expect(outcomes.get(i)).toMatch(/^(unsent|unknown) /);
  expectHonest(outcomes, link.took);
  expect(outcomes.size).toBe(150);
});

test('an HTTP/2 sink with long deadlines finds out by PING, and sends what it has not written nowhere', async () => {
  const link = await startBehindLink({ kind: 'http2', answers: 100, maxConcurrentStreams: 20 });
  const sink = createHttp2Sink({ ...link.options, ...RETRY, pingTimeoutMs: 500 });
  const failed = once(sink, 'error');
  const reading = sink.outcomes.toArray();
  for (const i of range(0, 100)) sink.write(notification(i));
  await vi.waitUntil(() => sink.counts.accepted === 100, { timeout: 10_000 });
  for (const i of range(100, 150)) sink.write(notification(i));
  await link.tookAll(120);
  link.cut();
  const cutAt = performance.now();
  expect((await failed)[0]).toMatchObject({ code: 'APNS_ERR_CONNECT_TIMEOUT' });
  // Ten seconds of silence until the PING, and those for its answer and for new connections.
  expect(performance.now() - cutAt).toBeLessThan(10_000 + 500 + 3 * 1000 + SLACK_MS);
  const outcomes = byNumber(await reading);
  expectEach(outcomes, range(0, 100), 'accepted');
  expectEach(outcomes, range(100, 120), 'unknown Timeout');
  expectEach(outcomes, range(120, 150), 'unsent ConnectTimeout');
  expectHonest(outcomes, link.took);
});

test('a feedback source gives up, behind the tuples that came through', async () => {
  const tuples = range(0, 10).map((i) => ({ timestamp: 1_800_000_000, deviceToken: tokenOf(i) }));
  const bytes = Buffer.concat(tuples.map(encodeFeedbackTuple));
  const link = await startBehindLink({ kind: 'feedback', tuples: bytes.toString('hex') });
  const source = createFeedbackSource({ ...link.options, connectTimeoutMs: 5000, idleTimeoutMs: 500 });
  const failed = once(source, 'error');
  const read: unknown[] = [];
  source.on('data', (tuple) => read.push(tuple));
  await vi.waitUntil(() => read.length === 10, { timeout: 10_000 });
  link.cut();
  const cutAt = performance.now();
  expect((await failed)[0]).toMatchObject({ code: 'APNS_ERR_TIMEOUT' });
  expect(performance.now() - cutAt).toBeLessThan(500 + SLACK_MS);
  expect(read).toEqual(tuples);
});
