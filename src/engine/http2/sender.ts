/**
 * Sends notifications over HTTP/2 and settles them, for both the HTTP/2 sink and the HTTP/2 delivery.
 *
 * A notification that was taken is in exactly one place until it is settled:
 *
 *     send() → fresh ──→ a connection's streams ──→ settled
 *                ↑                 │
 *            ready ←── refused ────┤   (not processed: again, before fresh ones)
 *              ↑                   │
 *          waiting ←── 429, 5xx ───┘   (after a delay)
 *
 * `Retries` has those that are ready and those that wait.
 */
import { closedError } from '../../connection/connection-error.js';
import { isTokenRefusal } from '../../connection/provider-token.js';
import type { ApnsError } from '../../core/errors.js';
import type { Notification } from '../../core/notification.js';
import { createOutcomeCounts, type OutcomeCounts, type Settlement } from '../../core/outcome.js';
import { isTemporary } from '../../protocol/apns/reason.js';
import type { ApnsResponse } from '../../protocol/apns/response.js';
import { decodeRetryAfter, parseHttpDate } from '../../protocol/apns/retry-after.js';
import { endReason } from '../end-reason.js';
import { EngineClock, FREEZE_CHECK_MS } from '../engine-clock.js';
import { Fifo } from '../fifo.js';
import { Lifecycle } from '../lifecycle.js';
import type { NotificationSender, NotificationSenderEvents } from '../notification-sender.js';
import { UnsettledList } from '../unsettled-list.js';
import type { Http2Connection } from './connection.js';
import { refusedError } from './errors.js';
import { BUSY_PING_MS } from './liveness.js';
import type { ResolvedHttp2Options } from './options.js';
import { type PendingNotification, RequestPreparer } from './pending-notification.js';
import { Http2Pool, type Http2PoolEvents } from './pool.js';
import { Retries } from './retries.js';
import { SettledNotifications } from './settled-notifications.js';

/** How many notifications may wait for a free stream: enough for many responses in one chunk, at little memory. */
const MAX_FRESH = 1024;

const ACCEPTED: Settlement = { status: 'accepted' };

/** See the file comment. */
export class Http2Sender implements NotificationSender, Http2PoolEvents {
  readonly counts: OutcomeCounts = createOutcomeCounts();
  readonly outcomes: SettledNotifications = new SettledNotifications(this.counts);
  readonly #options: ResolvedHttp2Options;
  readonly #events: NotificationSenderEvents;
  readonly #preparer: RequestPreparer;
  readonly #clock = new EngineClock((frozenMs) => this.#onAlarm(frozenMs));
  readonly #pool: Http2Pool;
  readonly #fresh = new Fifo<PendingNotification>();
  readonly #retries: Retries;
  readonly #unsettled = new UnsettledList<PendingNotification>();
  readonly #lifecycle = new Lifecycle();
  #taken = 0;
  /** The credentials of requests in this tick, and the number of the tick. */
  #authorization: string | undefined;
  #authorizedAt = -1;

  constructor(options: ResolvedHttp2Options, events: NotificationSenderEvents) {
    this.#options = options;
    this.#retries = new Retries(options.timeoutMs);
    this.#events = events;
    this.#pool = new Http2Pool(options, this, this.#clock);
    const auth = options.providerToken === undefined ? 'certificate' : 'token';
    this.#preparer = new RequestPreparer({ auth, defaultTopic: options.topic });
  }

  send(notification: Notification): boolean {
    if (this.#lifecycle.isStopped || !this.#hasRoom) return false;
    this.#clock.noteActivity(this.#pool.connections.length > 0);
    const now = this.#clock.now();
    const pending = this.#preparer.prepare(notification, now);
    pending.order = this.#taken++;
    this.#unsettled.add(pending);
    // Getters and toJSON of the notification have run, and may have ended the sending.
    if (this.#lifecycle.isStopped) {
      this.#giveUp(pending);
      return true;
    }
    this.#fresh.push(pending);
    this.#write(now);
    // Only the first waiting notification has to request a connection and set the alarm. A notification that is written
    // at once sets the alarm too, because an idle connection is checked less often.
    if (this.#fresh.length === 1) this.#step();
    else this.#clock.wakeAt(now + Math.min(this.#pool.stallMs, FREEZE_CHECK_MS));
    return true;
  }

  settle(notification: Notification, settlement: Settlement): void {
    this.outcomes.settle(notification, settlement);
  }

  onRead(): void {
    this.#advance();
  }

  end(callback: (error?: ApnsError) => void): void {
    this.#lifecycle.end(callback);
    this.#advance();
  }

  destroy(reason: string): void {
    if (this.#lifecycle.isOver) return;
    this.#lifecycle.destroy(reason);
    this.#clock.cancel();
    this.#pool.stop();
    this.#giveUpWaiting();
    for (const connection of this.#pool.connections) connection.destroy(closedError(this.#options.target));
  }

  onReady(): void {
    this.#advance();
  }

  onRoom(): void {
    this.#advance();
  }

  onGiveUp(error: ApnsError): void {
    this.#fail(error);
  }

  onResponse(connection: Http2Connection, pending: PendingNotification, response: ApnsResponse): void {
    const { statusCode, reason = 'Unknown', timestamp, apnsUniqueId } = response;
    // The service identifies a broadcast by the id in its response.
    if (pending.broadcast !== undefined) pending.apnsId = response.apnsRequestId ?? pending.apnsId;
    if (statusCode === 200) {
      this.#pool.trust(connection);
      this.#settle(pending, apnsUniqueId === undefined ? ACCEPTED : { status: 'accepted', apnsUniqueId });
      return;
    }
    this.#noteDate(response);
    const retryAfterMs = retryAfterOf(response);
    const settlement = {
      status: 'rejected',
      statusCode,
      reason,
      timestamp,
      retryAfterMs,
      apnsUniqueId,
    } as const;
    if (reason === 'TooManyProviderTokenUpdates') {
      this.#pool.replaceLater(connection);
      this.#retry(pending, settlement);
      return;
    }
    if (statusCode < 500) this.#pool.trust(connection);
    if (isTokenRefusal(reason) && this.#reauthorize(pending, reason)) return;
    if (isTemporary(statusCode, reason)) {
      this.#retry(pending, settlement, connection.health.isSick);
      return;
    }
    this.#settle(pending, settlement);
    if (refusesCredentials(response) && this.counts.accepted === 0)
      this.#fail(refusedError(this.#options, reason));
  }

  onUnprocessed(_connection: Http2Connection, pending: PendingNotification): void {
    if (this.#lifecycle.isStopped) this.#giveUp(pending);
    else this.#retries.replay(pending, this.#clock.now());
  }

  onLost(_connection: Http2Connection, pending: PendingNotification, reason: string): void {
    const settlement: Settlement = { status: 'unknown', reason };
    if (!this.#options.resendsUnknown || this.#lifecycle.isStopped) {
      this.#settle(pending, settlement);
      return;
    }
    pending.settlement = settlement;
    this.#retries.replay(pending, this.#clock.now());
  }

  onClose(connection: Http2Connection, cause: ApnsError | undefined): void {
    this.#pool.remove(connection, cause);
    this.#advance();
  }

  get #hasRoom(): boolean {
    const { windowCount, windowBytes } = this.#options;
    return (
      this.#fresh.length < MAX_FRESH &&
      this.#unsettled.length + this.outcomes.unread < windowCount &&
      this.#unsettled.bytes + this.outcomes.unreadBytes < windowBytes
    );
  }

  #settle(pending: PendingNotification, settlement: Settlement): void {
    this.#unsettled.remove(pending);
    const { settlement: known } = pending;
    // If the peer may have accepted an earlier attempt, only acceptance of a later one changes the outcome.
    const isUnknown = known?.status === 'unknown' && settlement.status !== 'accepted';
    this.outcomes.settleSent(pending, isUnknown ? known : settlement);
  }

  /** A provider token was refused: makes one more attempt, with another token if possible. */
  #reauthorize(pending: PendingNotification, reason: string): boolean {
    const { providerToken } = this.#options;
    if (providerToken === undefined || pending.authorization === undefined) return false;
    if (pending.isReauthorized || this.#lifecycle.isStopped) return false;
    const refresh = providerToken.refresh(pending.authorization);
    // If the token must not change yet, send it once more, because the peer may be wrong about its expiry.
    if (refresh === 'kept' && reason !== 'ExpiredProviderToken') return false;
    // No connection accepts two new tokens within 20 minutes.
    if (refresh === 'reissued') for (const connection of this.#pool.connections) connection.drain();
    this.#authorizedAt = -1;
    pending.isReauthorized = true;
    this.#retries.ready.push(pending);
    return true;
  }

  #retry(pending: PendingNotification, settlement: Settlement, isReplaced = false): void {
    // If an earlier attempt is unknown, the outcome stays unknown, whatever the result of this one.
    if (pending.settlement?.status !== 'unknown') pending.settlement = settlement;
    const isKept =
      !this.#lifecycle.isStopped && this.#retries.retry(pending, settlement, this.#clock.now(), isReplaced);
    if (!isKept) this.#settle(pending, pending.settlement);
  }

  #noteDate({ date }: ApnsResponse): void {
    const serverMs = date === undefined ? undefined : parseHttpDate(date);
    if (serverMs !== undefined) this.#options.providerToken?.noteServerDate(serverMs);
  }

  #giveUp(pending: PendingNotification, reason: string = this.#lifecycle.stopReason!): void {
    const message = this.#lifecycle.failure?.message ?? this.#pool.lastProblem;
    this.#settle(pending, pending.settlement ?? { status: 'unsent', reason, message });
  }

  #giveUpWaiting(): void {
    for (const queue of [this.#retries, this.#fresh])
      for (const pending of queue.takeAll()) this.#giveUp(pending);
  }

  #fail(error: ApnsError): void {
    if (this.#lifecycle.isStopped) return;
    this.#lifecycle.fail(error, endReason(error));
    this.#pool.stop();
    this.#giveUpWaiting();
  }

  /** The alarm: it runs after the sockets were read, and is the only place that checks deadlines. */
  #onAlarm(frozenMs: number): void {
    if (frozenMs > BUSY_PING_MS) this.#pool.verify();
    this.#lifecycle.isStepping = true;
    this.#expire(this.#clock.now());
    this.#lifecycle.isStepping = false;
    this.#advance();
  }

  /** Does everything that is possible now, then lets the stream offer more. */
  #advance(): void {
    this.#step();
    const { isEnding, isOver, isStepping } = this.#lifecycle;
    if (!isEnding && !isOver && !isStepping && this.#hasRoom) this.#events.onRoom();
  }

  #step(): void {
    const lifecycle = this.#lifecycle;
    if (lifecycle.isOver || lifecycle.isStepping) return;
    lifecycle.isStepping = true;
    const now = this.#clock.now();
    this.#pool.replaceSick();
    this.#write(now);
    if (lifecycle.isEnding && this.#unsettled.length === 0) {
      for (const connection of this.#pool.connections) connection.drain();
    }
    lifecycle.isStepping = false;
    if (lifecycle.isEnding && this.#unsettled.length === 0 && this.#pool.connections.length === 0) {
      this.#complete();
      return;
    }
    if (this.#isWaiting) this.#pool.grow(now);
    this.#schedule(now);
  }

  get #isWaiting(): boolean {
    return !this.#retries.ready.isEmpty || !this.#fresh.isEmpty;
  }

  #write(now: number): void {
    // Node has not yet reported a connection that the peer closed while the process was frozen.
    if (this.#clock.isCatchingUp) return;
    for (;;) {
      const queue = this.#retries.ready.isEmpty ? this.#fresh : this.#retries.ready;
      if (queue.isEmpty) return;
      const connection = this.#pool.pick();
      if (connection === undefined) return;
      const pending = queue.shift()!;
      if (pending.attempts > 0) this.counts.resent++;
      pending.authorization = this.#authorize(now);
      connection.send(pending, now);
    }
  }

  #authorize(now: number): string | undefined {
    if (now !== this.#authorizedAt) {
      this.#authorizedAt = now;
      this.#authorization = this.#options.providerToken?.authorization();
    }
    return this.#authorization;
  }

  #expire(now: number): void {
    this.#retries.release(now);
    for (let { first } = this.#unsettled; first !== undefined; { first } = this.#unsettled) {
      if (first.enqueuedAt + this.#options.timeoutMs > now) break;
      this.#timeOut(first);
    }
    for (const connection of this.#pool.connections) this.#pool.watch(connection, now);
  }

  #timeOut(pending: PendingNotification): void {
    const { connection, rest } = pending;
    if (connection === undefined) {
      // Retries are due before their deadline, so this notification is the first of those that are ready or fresh.
      const { ready } = this.#retries;
      (ready.first === pending ? ready : this.#fresh).shift();
      this.#giveUp(pending, 'DeadlineExceeded');
    } else if (!connection.timeOut(pending)) {
      // The peer has not processed it, because its last frame was not sent.
      if (rest !== undefined) this.#giveUp(pending, 'DeadlineExceeded');
      else this.#settle(pending, { status: 'unknown', reason: 'DeadlineExceeded' });
    }
  }

  #complete(): void {
    this.#clock.cancel();
    this.#pool.stop();
    this.#lifecycle.complete((error) => this.#events.onFail(error));
  }

  #schedule(now: number): void {
    let at = this.#retries.dueAt;
    const { first } = this.#unsettled;
    if (first !== undefined)
      at = Math.min(at, now + FREEZE_CHECK_MS, first.enqueuedAt + this.#options.timeoutMs);
    const isWaiting = this.#isWaiting;
    for (const connection of this.#pool.connections)
      at = Math.min(at, this.#pool.dueAt(connection, isWaiting, now));
    if (isWaiting && this.#pool.dialAt > now) at = Math.min(at, this.#pool.dialAt);
    this.#clock.wakeAt(at);
  }
}

/** The delay in `retry-after`, in milliseconds. A date refers to the clock of the server. */
function retryAfterOf({ retryAfter, date }: ApnsResponse): number | undefined {
  if (retryAfter === undefined) return undefined;
  const serverMs = (date === undefined ? undefined : parseHttpDate(date)) ?? Date.now();
  return decodeRetryAfter(retryAfter, serverMs);
}

/**
 * Whether APNs refuses the credentials. A 403 without a reason comes from another server, such as a web filter, and
 * TopicMismatch concerns one broadcast.
 */
function refusesCredentials({ statusCode, reason }: ApnsResponse): boolean {
  return statusCode === 403 && reason !== undefined && reason !== 'TopicMismatch';
}
