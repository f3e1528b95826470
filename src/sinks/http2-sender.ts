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
import { closedAfterHandshake, isFatalConnectionError } from '../connection/connection-error.js';
import { dial } from '../connection/dial.js';
import { ApnsError, formatPeer, toApnsError } from '../errors.js';
import { channelOf, type Notification } from '../notification.js';
import { createOutcomeCounts, type OutcomeCounts, type Settlement } from '../outcome.js';
import { isTemporary } from '../protocol/http2/reason.js';
import type { ApnsResponse } from '../protocol/http2/response.js';
import { decodeRetryAfter, parseHttpDate } from '../protocol/http2/retry-after.js';
import type { Http2RuleContext } from '../protocol/http2/rule.js';
import { checkHttp2Notification, checkHttp2PayloadBytes } from '../protocol/http2/rules.js';
import { checkBroadcastPayload, createBroadcastRequest } from './broadcast-request.js';
import { Http2Connection, type Http2ConnectionEvents } from './http2-connection.js';
import type { ResolvedHttp2Options } from './http2-options.js';
import type { NotificationSender, NotificationSenderEvents } from './notification-sender.js';
import { PendingNotification } from './pending-notification.js';
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

/** The limit that most push types have. */
const MAX_PAYLOAD_BYTES = 4096;

const ACCEPTED: Settlement = { status: 'accepted' };

/** See the file comment. */
export class Http2Sender implements NotificationSender, Http2ConnectionEvents {
  readonly counts: OutcomeCounts = createOutcomeCounts();
  readonly outcomes: SettledNotifications = new SettledNotifications(this.counts);
  readonly #options: ResolvedHttp2Options;
  readonly #events: NotificationSenderEvents;
  readonly #rules: Http2RuleContext;
  readonly #fresh = new PendingQueue();
  readonly #replays = new PendingQueue();
  #retries: { readonly pending: PendingNotification; readonly dueAt: number }[] = [];
  readonly #connections = new Set<Http2Connection>();
  readonly #dials = new AbortController();
  #isDialling = false;
  #dialAt = 0;
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
    if (!this.#hasRoom) return false;
    const now = performance.now();
    const pending = this.#prepare(notification, now);
    this.#unsettled++;
    this.#unsettledBytes += pending.payload.length;
    this.#fresh.push(pending);
    this.#write(now);
    if (!this.#fresh.isEmpty) this.#step();
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
    this.#options.backoff.reset();
    if (response.statusCode === 200) {
      const { apnsUniqueId } = response;
      this.#settle(pending, apnsUniqueId === undefined ? ACCEPTED : { status: 'accepted', apnsUniqueId });
      return;
    }
    const { statusCode, reason = 'Unknown', timestamp, apnsUniqueId } = response;
    this.#noteDate(response);
    const settlement = { status: 'rejected', statusCode, reason, timestamp, apnsUniqueId } as const;
    if (reason === 'ExpiredProviderToken' && this.#reauthorize(pending)) return;
    if (reason === 'TooManyProviderTokenUpdates') connection.drain();
    if (reason === 'TooManyProviderTokenUpdates' || isTemporary(statusCode, reason)) {
      this.#retry(pending, settlement, response.retryAfter);
      return;
    }
    this.#settle(pending, settlement);
    if (statusCode === 403 && this.counts.accepted === 0) this.#fail(this.#refusedError(reason));
  }

  onUnprocessed(_connection: Http2Connection, pending: PendingNotification): void {
    if (this.#isStopped) {
      this.#settle(pending, pending.fallback ?? { status: 'unsent', reason: 'Aborted' });
    } else if (pending.attempts <= 2) {
      this.#replays.push(pending);
    } else {
      // Refused again and again: the peer has no room, and asking faster makes none.
      const delayMs = Math.random() * Math.min(1000, 2 ** pending.attempts);
      this.#retries.push({ pending, dueAt: performance.now() + delayMs });
    }
  }

  onLost(_connection: Http2Connection, pending: PendingNotification, reason: string): void {
    const settlement: Settlement = { status: 'unknown', reason };
    if (!this.#options.resendsUnknown || this.#isStopped) {
      this.#settle(pending, settlement);
      return;
    }
    pending.fallback = settlement;
    this.#replays.push(pending);
  }

  onClose(connection: Http2Connection, cause: ApnsError | undefined): void {
    this.#connections.delete(connection);
    if (cause !== undefined && isFatalConnectionError(cause)) this.#fail(cause);
    else if (!connection.isProven && !this.#isEnding)
      this.#onFailure(cause ?? closedAfterHandshake(this.#options.target));
    this.#advance();
  }

  /** Checks a notification by the rules of this wire, and makes the record of it. */
  #prepare(notification: Notification, now: number): PendingNotification {
    const { topic } = this.#options;
    if (channelOf(notification) !== undefined) {
      const broadcast = createBroadcastRequest(notification, topic);
      const pending = new PendingNotification(notification, topic, now, broadcast);
      checkBroadcastPayload(notification, pending.payload);
      return pending;
    }
    checkHttp2Notification(notification, this.#rules);
    const pending = new PendingNotification(notification, topic, now);
    // Only a payload that could be too long in UTF-8 is measured.
    if (pending.payload.length * 3 > MAX_PAYLOAD_BYTES) {
      checkHttp2PayloadBytes(notification, Buffer.byteLength(pending.payload));
    }
    return pending;
  }

  get #hasRoom(): boolean {
    const { windowCount, windowBytes } = this.#options;
    return (
      this.#fresh.length < MAX_FRESH &&
      this.#unsettled + this.outcomes.unread < windowCount &&
      this.#unsettledBytes < windowBytes
    );
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
    if (providerToken === undefined || pending.authorization === undefined || pending.isReauthorized)
      return false;
    if (!providerToken.refresh(pending.authorization)) return false;
    pending.isReauthorized = true;
    this.#replays.push(pending);
    return true;
  }

  #retry(pending: PendingNotification, settlement: Settlement, retryAfter: string | undefined): void {
    const now = performance.now();
    const asked = retryAfter === undefined ? undefined : decodeRetryAfter(retryAfter, Date.now());
    const delayMs = asked ?? Math.random() * Math.min(10_000, 100 * 2 ** pending.attempts);
    if (this.#isStopped || now + delayMs > pending.since + this.#options.deadlineMs) {
      this.#settle(pending, settlement);
      return;
    }
    pending.fallback = settlement;
    this.#retries.push({ pending, dueAt: now + delayMs });
  }

  #noteDate({ date }: ApnsResponse): void {
    const serverMs = date === undefined ? undefined : parseHttpDate(date);
    if (serverMs !== undefined) this.#options.providerToken?.noteServerDate(serverMs);
  }

  #giveUpWaiting(reason: string): void {
    const waiting = [
      ...this.#replays.takeAll(),
      ...this.#retries.splice(0).map(({ pending }) => pending),
      ...this.#fresh.takeAll(),
    ];
    for (const pending of waiting) this.#settle(pending, pending.fallback ?? { status: 'unsent', reason });
  }

  #fail(error: ApnsError): void {
    if (this.#isStopped) return;
    this.#failure = error;
    this.#dials.abort();
    this.#giveUpWaiting('Aborted');
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
    if (this.#retries.length > 0) {
      const due = this.#retries.filter(({ dueAt }) => dueAt <= now);
      if (due.length > 0) this.#retries = this.#retries.filter(({ dueAt }) => dueAt > now);
      for (const { pending } of due) this.#replays.push(pending);
    }
    for (const queue of [this.#replays, this.#fresh]) {
      while ((queue.first?.since ?? now) + deadlineMs <= now) {
        const pending = queue.shift()!;
        this.#settle(pending, pending.fallback ?? { status: 'unsent', reason: 'DeadlineExceeded' });
      }
    }
    for (const connection of [...this.#connections]) this.#watch(connection, now);
  }

  /** Gives up on answers that are overdue, and on connections that do not answer at all. */
  #watch(connection: Http2Connection, now: number): void {
    const { deadlineMs, closeTimeoutMs, target } = this.#options;
    let { oldest } = connection;
    while (oldest !== undefined && oldest.sentAt + deadlineMs <= now) {
      connection.cancel(oldest);
      this.#settle(oldest, { status: 'unknown', reason: 'DeadlineExceeded' });
      oldest = connection.oldest;
    }
    if (connection.pingedAt !== undefined) {
      if (connection.pingedAt + closeTimeoutMs <= now)
        connection.abandon(timeoutError(target, closeTimeoutMs));
    } else if (connection.heardAt + silenceMs(connection) <= now) {
      const isSurplus = this.#connections.size > this.#options.connections && connection.openStreams === 0;
      if (isSurplus) connection.drain();
      else connection.ping(now);
    }
  }

  #dialIfWanted(now: number): void {
    if (this.#isDialling || this.#isStopped || now < this.#dialAt) return;
    if (this.#replays.isEmpty && this.#fresh.isEmpty) return;
    const usable = [...this.#connections].filter(({ isDraining }) => !isDraining);
    const isThrottled = usable.some((connection) => connection.isThrottled);
    const most = this.#options.connections + (isThrottled ? RELIEF_CONNECTIONS : 0);
    // One that still waits for SETTINGS may turn out to be enough.
    if (usable.length < most && usable.every(({ isReady }) => isReady)) void this.#dial();
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
    const { deadlineMs, closeTimeoutMs } = this.#options;
    let at = Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.#retries) at = Math.min(at, dueAt);
    for (const queue of [this.#replays, this.#fresh])
      at = Math.min(at, (queue.first?.since ?? at) + deadlineMs);
    for (const connection of this.#connections) {
      const { oldest, pingedAt, heardAt } = connection;
      at = Math.min(at, (oldest?.sentAt ?? at) + deadlineMs);
      at = Math.min(at, pingedAt === undefined ? heardAt + silenceMs(connection) : pingedAt + closeTimeoutMs);
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
      Math.ceil(at - now),
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
      `${formatPeer(target)} refuses the credentials: ${reason}${clock}`,
    );
  }
}

/** How long a connection may be silent before it is asked for a sign. */
function silenceMs(connection: Http2Connection): number {
  return connection.openStreams > 0 || !connection.isReady ? BUSY_PING_MS : IDLE_PING_MS;
}

function timeoutError(peer: { host: string; port: number }, timeoutMs: number): ApnsError {
  return new ApnsError('APNS_ERR_TIMEOUT', `${formatPeer(peer)} has not answered a PING for ${timeoutMs} ms`);
}
