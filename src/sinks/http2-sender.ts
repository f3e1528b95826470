/**
 * Notifications in, settlements out, over HTTP/2: what the HTTP/2 sink and delivery share.
 *
 * A notification that was taken is in exactly one place until it is settled:
 *
 *     send() → fresh ──→ a connection's streams ──→ settled
 *                ↑                 │
 *          replays ←── refused ────┤   (not processed: again, before fresh ones)
 *             ↑                    │
 *          retries ←── 429, 5xx ───┘   (after a delay)
 */
import { closedAfterHandshake, isFatalConnectionError, reasonOf } from '../connection/connection-error.js';
import { dial } from '../connection/dial.js';
import { ApnsError, formatPeer, shownReason, toApnsError } from '../errors.js';
import type { Notification } from '../notification.js';
import { createOutcomeCounts, type OutcomeCounts, type Settlement } from '../outcome.js';
import { isTemporary } from '../protocol/http2/reason.js';
import type { ApnsResponse } from '../protocol/http2/response.js';
import { decodeRetryAfter, parseHttpDate } from '../protocol/http2/retry-after.js';
import type { Http2RuleContext } from '../protocol/http2/rule.js';
import { Http2Connection, type Http2ConnectionEvents } from './http2-connection.js';
import type { ResolvedHttp2Options } from './http2-options.js';
import type { NotificationSender, NotificationSenderEvents } from './notification-sender.js';
import { PendingHeap } from './pending-heap.js';
import { type PendingNotification, prepareNotification } from './pending-notification.js';
import { PendingQueue } from './pending-queue.js';
import { SettledNotifications } from './settled-notifications.js';

/** Notifications wait here for a free stream: enough for many answers in one chunk, too few to weigh anything. */
const MAX_FRESH = 1024;

/** A connection nobody has used for this long is asked whether it still stands; a NAT forgets after 350 s. */
const IDLE_PING_MS = 60_000;

/** Silence this long, with answers outstanding, makes the connection suspicious. */
const BUSY_PING_MS = 10_000;

/**
 * APNs throttles a connection to one stream after a rejection, until the next acceptance. While one of ours
 * is throttled, so many more may be opened: the clean traffic goes on there.
 */
const RELIEF_CONNECTIONS = 8;

const ACCEPTED: Settlement = { status: 'accepted' };

/** See the file comment. */
export class Http2Sender implements NotificationSender, Http2ConnectionEvents {
  readonly counts: OutcomeCounts = createOutcomeCounts();
  readonly outcomes: SettledNotifications = new SettledNotifications(this.counts);
  readonly #options: ResolvedHttp2Options;
  readonly #events: NotificationSenderEvents;
  readonly #rules: Http2RuleContext;
  readonly #fresh = new PendingQueue();
  /** In the order they were taken in. */
  readonly #replays = new PendingHeap(({ order }) => order);
  readonly #retries = new PendingHeap(({ dueAt }) => dueAt);
  readonly #connections = new Set<Http2Connection>();
  readonly #dials = new AbortController();
  #isDialling = false;
  #dialAt = 0;
  #taken = 0;
  #unsettled = 0;
  #unsettledBytes = 0;
  #isStepping = false;
  #isDestroyed = false;
  #failure: ApnsError | undefined;
  #onEnd: ((error?: ApnsError) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(options: ResolvedHttp2Options, events: NotificationSenderEvents) {
    this.#options = options;
    this.#events = events;
    const auth = options.providerToken === undefined ? 'certificate' : 'token';
    this.#rules = { auth, ...(options.topic === undefined ? {} : { defaultTopic: options.topic }) };
  }

  send(notification: Notification): boolean {
    if (this.#isStopped || !this.#hasRoom) return false;
    const now = performance.now();
    const pending = prepareNotification(notification, this.#rules, now);
    pending.order = this.#taken++;
    this.#unsettled++;
    this.#unsettledBytes += pending.payload.length;
    this.#fresh.push(pending);
    this.#write(now);
    // The first that has to wait sees to a connection and a timer; those behind it find them seen to.
    if (this.#fresh.length === 1) this.#step();
    else this.#wakeAt(now + this.#options.deadlineMs, now);
    return true;
  }

  settle(notification: Notification, settlement: Settlement): void {
    this.outcomes.settle(notification, settlement);
  }

  onRead(): void {
    this.#advance();
  }

  end(callback: (error?: ApnsError) => void): void {
    this.#onEnd = callback;
    this.#advance();
  }

  destroy(reason: string): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    clearTimeout(this.#timer);
    this.#dials.abort();
    this.#giveUpWaiting(reason);
    const error = new ApnsError(
      'APNS_ERR_CLOSED',
      `the connection to ${formatPeer(this.#options.target)} was given up`,
    );
    for (const connection of [...this.#connections]) connection.abandon(error);
  }

  onRoom(): void {
    this.#advance();
  }

  onResponse(connection: Http2Connection, pending: PendingNotification, response: ApnsResponse): void {
    const { statusCode, reason = 'Unknown', timestamp, apnsUniqueId } = response;
    if (statusCode === 200) {
      this.#options.backoff.reset();
      this.#settle(pending, apnsUniqueId === undefined ? ACCEPTED : { status: 'accepted', apnsUniqueId });
      return;
    }
    this.#noteDate(response);
    const settlement = { status: 'rejected', statusCode, reason, timestamp, apnsUniqueId } as const;
    if (reason === 'TooManyProviderTokenUpdates') {
      this.#leave(connection);
      this.#retry(pending, settlement, response);
      return;
    }
    this.#options.backoff.reset();
    if (reason === 'ExpiredProviderToken' && this.#reauthorize(pending)) return;
    if (isTemporary(statusCode, reason)) {
      this.#retry(pending, settlement, response);
      return;
    }
    this.#settle(pending, settlement);
    if (statusCode === 403 && this.counts.accepted === 0) this.#fail(this.#refusedError(reason));
  }

  onUnprocessed(_connection: Http2Connection, pending: PendingNotification): void {
    if (this.#isStopped) this.#giveUp(pending, this.#stopReason);
    else this.#replay(pending);
  }

  onLost(_connection: Http2Connection, pending: PendingNotification, reason: string): void {
    const settlement: Settlement = { status: 'unknown', reason };
    if (!this.#options.resendsUnknown || this.#isStopped) {
      this.#settle(pending, settlement);
      return;
    }
    pending.fallback = settlement;
    this.#replay(pending);
  }

  onClose(connection: Http2Connection, cause: ApnsError | undefined): void {
    this.#connections.delete(connection);
    const { isProven, isRetired, openedAt } = connection;
    // One that has stood unused for long is no sign of trouble when it goes.
    const isFailure = !isProven && !isRetired && performance.now() - openedAt < IDLE_PING_MS;
    if (cause !== undefined && isFatalConnectionError(cause)) this.#fail(cause);
    else if (isFailure) this.#onFailure(cause ?? closedAfterHandshake(this.#options.target));
    this.#advance();
  }

  get #hasRoom(): boolean {
    const { windowCount, windowBytes } = this.#options;
    return (
      this.#fresh.length < MAX_FRESH &&
      this.#unsettled + this.outcomes.unread < windowCount &&
      this.#unsettledBytes < windowBytes
    );
  }

  /** Why what is not sent any more is not. */
  get #stopReason(): string {
    return this.#failure === undefined ? 'Aborted' : reasonOf(this.#failure);
  }

  get #isStopped(): boolean {
    return this.#failure !== undefined || this.#isDestroyed;
  }

  get #isEnding(): boolean {
    return this.#onEnd !== undefined || this.#isStopped;
  }

  #settle(pending: PendingNotification, settlement: Settlement): void {
    this.#unsettled--;
    this.#unsettledBytes -= pending.payload.length;
    const { notification, apnsId, attempts } = pending;
    this.outcomes.settle(notification, settlement, attempts, apnsId);
  }

  /** ExpiredProviderToken: one new token, one more attempt. Apple allows a new token every 20 minutes. */
  #reauthorize(pending: PendingNotification): boolean {
    const { providerToken } = this.#options;
    if (providerToken === undefined || pending.authorization === undefined) return false;
    if (pending.isReauthorized || this.#isStopped) return false;
    // Where the token is too fresh to be replaced it goes out once more: whoever called it expired may be wrong.
    providerToken.refresh(pending.authorization);
    pending.isReauthorized = true;
    this.#replays.push(pending);
    return true;
  }

  /** Sends a notification again that the peer has not processed, or may not have. */
  #replay(pending: PendingNotification): void {
    if (pending.attempts <= 2) {
      this.#replays.push(pending);
      return;
    }
    // Again and again: the peer has no room, and asking faster makes none.
    pending.dueAt = performance.now() + Math.random() * Math.min(1000, 2 ** pending.attempts);
    this.#retries.push(pending);
  }

  /** Tries a notification again that was rejected for now, no sooner than `retry-after` says. */
  #retry(pending: PendingNotification, settlement: Settlement, { retryAfter, date }: ApnsResponse): void {
    const now = performance.now();
    // What an earlier attempt left unknown stays so, whatever this one came to.
    if (pending.fallback?.status !== 'unknown') pending.fallback = settlement;
    // A date is meant by the clock of the server.
    const serverMs = (date === undefined ? undefined : parseHttpDate(date)) ?? Date.now();
    const askedMs = retryAfter === undefined ? undefined : decodeRetryAfter(retryAfter, serverMs);
    const delayMs = Math.random() * Math.min(10_000, 100 * 2 ** pending.attempts);
    pending.dueAt = now + Math.max(askedMs ?? 0, delayMs);
    if (this.#isStopped || pending.dueAt > pending.since + this.#options.deadlineMs) {
      this.#settle(pending, pending.fallback);
      return;
    }
    this.#retries.push(pending);
  }

  /** TooManyProviderTokenUpdates: the token stays, the connection goes, and the next one is not hurried. */
  #leave(connection: Http2Connection): void {
    if (connection.isRetired) return;
    this.#onFailure(this.#refusedError('TooManyProviderTokenUpdates'));
    connection.drain();
  }

  #noteDate({ date }: ApnsResponse): void {
    const serverMs = date === undefined ? undefined : parseHttpDate(date);
    if (serverMs !== undefined) this.#options.providerToken?.noteServerDate(serverMs);
  }

  #giveUp(pending: PendingNotification, reason: string): void {
    this.#settle(pending, pending.fallback ?? { status: 'unsent', reason });
  }

  #giveUpWaiting(reason: string): void {
    for (const queue of [this.#replays, this.#retries, this.#fresh])
      for (const pending of queue.takeAll()) this.#giveUp(pending, reason);
  }

  #fail(error: ApnsError): void {
    if (this.#isStopped) return;
    this.#failure = error;
    this.#dials.abort();
    this.#giveUpWaiting(this.#stopReason);
  }

  #onFailure(error: ApnsError): void {
    const delayMs = this.#options.backoff.next();
    if (delayMs === undefined) this.#fail(error);
    else this.#dialAt = performance.now() + delayMs;
  }

  /** Does what is possible now, then lets the stream around this offer more. */
  #advance(): void {
    this.#step();
    if (!this.#isEnding && !this.#isStepping && this.#hasRoom) this.#events.onRoom();
  }

  #step(): void {
    if (this.#isDestroyed || this.#isStepping) return;
    this.#isStepping = true;
    const now = performance.now();
    this.#expire(now);
    this.#write(now);
    if (this.#isEnding && this.#unsettled === 0) {
      for (const connection of [...this.#connections]) connection.drain();
    }
    this.#isStepping = false;
    if (this.#isEnding && this.#unsettled === 0 && this.#connections.size === 0) {
      this.#complete();
      return;
    }
    this.#dialIfWanted(now);
    this.#schedule(now);
  }

  #write(now: number): void {
    const { providerToken } = this.#options;
    for (;;) {
      const queue = this.#replays.isEmpty ? this.#fresh : this.#replays;
      if (queue.isEmpty) return;
      const connection = this.#pick();
      if (connection === undefined) return;
      const pending = queue.shift()!;
      if (pending.attempts > 0) this.counts.resent++;
      pending.authorization = providerToken?.authorization;
      connection.send(pending, now);
    }
  }

  /** The connection with the fewest open streams, of those that have a free one. */
  #pick(): Http2Connection | undefined {
    let best: Http2Connection | undefined;
    for (const connection of this.#connections) {
      if (connection.room === 0) continue;
      if (best === undefined || connection.openStreams < best.openStreams) best = connection;
    }
    return best;
  }

  #expire(now: number): void {
    const { deadlineMs } = this.#options;
    while ((this.#retries.first?.dueAt ?? Number.POSITIVE_INFINITY) <= now)
      this.#replays.push(this.#retries.shift()!);
    for (const queue of [this.#replays, this.#fresh])
      while ((queue.first?.since ?? now) + deadlineMs <= now)
        this.#giveUp(queue.shift()!, 'DeadlineExceeded');
    for (const connection of [...this.#connections]) this.#watch(connection, now);
  }

  /** Gives up on answers that are overdue, and on connections that do not answer at all. */
  #watch(connection: Http2Connection, now: number): void {
    const { deadlineMs, target } = this.#options;
    for (let { oldest } = connection; oldest !== undefined; oldest = connection.oldest) {
      if (oldest.sentAt + deadlineMs > now) break;
      if (connection.cancel(oldest)) continue;
      // Without its last frame it was not processed.
      if (oldest.rest !== undefined) this.#giveUp(oldest, 'DeadlineExceeded');
      else this.#settle(oldest, { status: 'unknown', reason: 'DeadlineExceeded' });
    }
    if (silenceDeadline(connection, this.#options) > now) return;
    if (!connection.isReady || connection.pingedAt !== undefined)
      connection.abandon(silentError(target, now - connection.heardAt));
    else if (this.#connections.size > this.#options.connections && connection.openStreams === 0)
      connection.drain();
    else connection.ping(now);
  }

  #dialIfWanted(now: number): void {
    if (this.#isDialling || this.#isStopped || now < this.#dialAt) return;
    if (this.#replays.isEmpty && this.#fresh.isEmpty) return;
    // Those included that the peer is leaving and that still wait for answers.
    if (this.#connections.size >= 2 * this.#options.connections + RELIEF_CONNECTIONS) return;
    let usable = 0;
    let isThrottled = false;
    for (const connection of this.#connections) {
      if (connection.isDraining) continue;
      // One that still waits for SETTINGS may turn out to be enough.
      if (!connection.isReady) return;
      usable++;
      isThrottled ||= connection.isThrottled;
    }
    if (usable < this.#options.connections + (isThrottled ? RELIEF_CONNECTIONS : 0)) void this.#dial();
  }

  async #dial(): Promise<void> {
    this.#isDialling = true;
    const { target, authority } = this.#options;
    try {
      const socket = await dial(target, { signal: this.#dials.signal, alpn: 'h2' });
      this.#isDialling = false;
      if (this.#isStopped) socket.destroy();
      else this.#connections.add(new Http2Connection(socket, target, authority, this));
    } catch (error) {
      this.#isDialling = false;
      if (this.#isStopped) return;
      const failure = toApnsError(error, target);
      if (isFatalConnectionError(failure)) this.#fail(failure);
      else this.#onFailure(failure);
    }
    this.#advance();
  }

  #complete(): void {
    this.#isDestroyed = true;
    clearTimeout(this.#timer);
    this.#dials.abort();
    if (this.#onEnd !== undefined) this.#onEnd(this.#failure);
    else this.#events.onFail(this.#failure!);
  }

  #schedule(now: number): void {
    const { deadlineMs } = this.#options;
    let at = this.#retries.first?.dueAt ?? Number.POSITIVE_INFINITY;
    for (const queue of [this.#replays, this.#fresh])
      at = Math.min(at, (queue.first?.since ?? at) + deadlineMs);
    for (const connection of this.#connections) {
      at = Math.min(at, (connection.oldest?.sentAt ?? at) + deadlineMs);
      at = Math.min(at, silenceDeadline(connection, this.#options));
    }
    if (this.#dialAt > now && !(this.#replays.isEmpty && this.#fresh.isEmpty))
      at = Math.min(at, this.#dialAt);
    this.#wakeAt(at, now);
  }

  /** Sets the one timer, unless it goes off before anyway: too early does no harm. */
  #wakeAt(at: number, now: number): void {
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Number.POSITIVE_INFINITY;
        this.#advance();
      },
      Math.max(0, Math.ceil(at - now)),
    );
  }

  #refusedError(reason: string): ApnsError {
    const { target, providerToken } = this.#options;
    const skewMs = providerToken?.clockSkewMs;
    const clock =
      skewMs === undefined || Math.abs(skewMs) < 60_000
        ? ''
        : `; this clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'behind' : 'ahead of'} the server's`;
    return new ApnsError(
      'APNS_ERR_CREDENTIALS_REFUSED',
      `${formatPeer(target)} refuses the credentials: ${shownReason(reason) ?? 'for an unusual reason'}${clock}`,
    );
  }
}

/** When something must be done about a connection that is silent until then: ask it, or give it up. */
function silenceDeadline(connection: Http2Connection, options: ResolvedHttp2Options): number {
  const { isReady, openedAt, heardAt, pingedAt, openStreams } = connection;
  if (!isReady) return openedAt + options.target.connectTimeoutMs;
  // Whoever says anything is there, and may be slow to say that.
  if (pingedAt !== undefined) return Math.max(pingedAt, heardAt) + options.closeTimeoutMs;
  return heardAt + (openStreams > 0 ? BUSY_PING_MS : IDLE_PING_MS);
}

function silentError(peer: { host: string; port: number }, silentMs: number): ApnsError {
  return new ApnsError(
    'APNS_ERR_TIMEOUT',
    `${formatPeer(peer)} has said nothing for ${Math.round(silentMs)} ms, neither SETTINGS nor an answer to PING`,
  );
}
