/** Sending a few notifications through an HTTP/2 sink, and what became of each. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect } from 'vitest';
import type { ApnsError } from '../../src/core/errors.js';
import type { Notification } from '../../src/core/notification.js';
import { type Outcome, type OutcomeCounts, settledCount } from '../../src/core/outcome.js';
import { createHttp2Sink, type Http2SinkOptions } from '../../src/sinks/http2-sink.js';
import { type RawPeer, type RawRequest, startRawGateway } from './http2-raw-gateway.js';

export function tokenOf(i: number): string {
  return i.toString(16).padStart(64, '0');
}

export function notifications(count: number, payload: string = '{"aps":{"alert":"hi"}}'): Notification[] {
  return Array.from({ length: count }, (_, i) => ({
    deviceToken: tokenOf(i),
    payload,
    topic: 'com.example.app',
  }));
}

export interface Sent {
  /** One for each notification, in their order. */
  readonly outcomes: readonly Outcome[];
  readonly counts: Readonly<OutcomeCounts>;
  readonly error: ApnsError | undefined;
}

/** Sends and waits for the end; fails unless each notification has exactly one outcome. */
export async function sendAll(options: Http2SinkOptions, input: readonly Notification[]): Promise<Sent> {
  const sink = createHttp2Sink({ backoff: { initialMs: 1, maxMs: 20, attempts: 4 }, ...options });
  const reading = sink.outcomes.toArray();
  let error: ApnsError | undefined;
  await pipeline(Readable.from(input), sink).catch((caught) => {
    error = caught;
  });
  const outcomes = await reading;
  expect(settledCount(sink.counts)).toBe(outcomes.length);
  expect(new Set(outcomes.map(({ notification }) => notification)).size).toBe(outcomes.length);
  if (error === undefined) expect(outcomes).toHaveLength(input.length);
  outcomes.sort((a, b) => (a.deviceToken! < b.deviceToken! ? -1 : 1));
  return { outcomes, counts: sink.counts, error };
}

export type Answer = (peer: RawPeer, request: RawRequest) => void;

/** Sends `count` notifications to a gateway that answers the first one in its own way, and the rest 200. */
export async function answerFirst(
  answer: Answer,
  count = 2,
  options: object = {},
): Promise<Sent & { peers: RawPeer[] }> {
  let isAnswered = false;
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      if (isAnswered) peer.respond(request, 200);
      else {
        isAnswered = true;
        answer(peer, request);
      }
    },
  });
  const sent = await sendAll({ ...gateway.options, ...options }, notifications(count));
  await gateway.closed();
  return { ...sent, peers: gateway.peers };
}

/** Status and reason of each outcome. */
export function statuses({ outcomes }: Sent): string[] {
  return outcomes.map(({ status, reason }) => (reason === undefined ? status : `${status} ${reason}`));
}
