/** A delivery takes notifications and yields exactly one outcome for each. */

import { Duplex } from 'node:stream';
import { InvalidNotificationError } from '../core/errors.js';
import type { BroadcastNotification, Notification } from '../core/notification.js';
import { choiceOption, integerOption, streamOptions } from '../core/options.js';
import type { DeliveryOutcome, OutcomeCounts } from '../core/outcome.js';
import { redactStream } from '../core/redact-stream.js';
import type { DuplexOf } from '../core/typed-stream.js';
import { BINARY_OPTION_NAMES, type BinaryOptions, resolveBinaryOptions } from '../engine/binary/options.js';
import { BinarySender } from '../engine/binary/sender.js';
import { endReason, unsentSettlement } from '../engine/end-reason.js';
import { type Http2Options, resolveHttp2Options } from '../engine/http2/options.js';
import { Http2Sender } from '../engine/http2/sender.js';
import type { NotificationSender, NotificationSenderEvents } from '../engine/notification-sender.js';
import { type FrameCommand, MAX_PAYLOAD_BYTES } from '../protocol/binary/frame.js';
import { bufferedChunks } from '../sinks/buffered-chunks.js';
import { closeGracefully } from '../sinks/graceful-close.js';
import { OutcomePump, throwLater } from '../sinks/outcome-source.js';

/** Options of {@link createBinaryDelivery}. */
export interface BinaryDeliveryOptions extends BinaryOptions {
  /** The command of the frames. @default 2 */
  readonly command?: FrameCommand;
  /** The largest payload, in UTF-8 bytes, up to 65535. @default 2048 for command 2, 256 for 1 and 0 */
  readonly maxPayloadBytes?: number;
}

/**
 * A Duplex that takes notifications, sends them to a binary gateway, and yields one outcome for each:
 * {@link DeliveryOutcome} objects, with the notification's `context`, `line` and identity, in the order in which
 * they become known. Invalid notifications become `invalid` outcomes.
 *
 * It sends as `createBinarySink` does, with the same options. You must read it: a slow reader slows the sending, and
 * without a reader the sending stops and the process emits a warning. When the delivery fails, or `signal` aborts it,
 * you can read every outcome before the error arrives. `destroy()` ends the reading at once, so afterwards only
 * `counts` include the remaining notifications.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS, at once
 */
export function createBinaryDelivery<C = unknown>(options: BinaryDeliveryOptions): Delivery<C> {
  const resolved = resolveBinaryOptions(options, [...BINARY_OPTION_NAMES, 'command', 'maxPayloadBytes']);
  const command = choiceOption('command', options.command, [2, 1, 0], 2);
  const maxPayloadBytes = integerOption('maxPayloadBytes', options.maxPayloadBytes, {
    default: MAX_PAYLOAD_BYTES[command],
    max: 0xffff,
  });
  const createSender = (events: NotificationSenderEvents): NotificationSender =>
    new BinarySender(resolved, { command, maxPayloadBytes }, { ...events, onErrorResponse: () => {} });
  return new DeliveryStream<C>(createSender, { ...options, closeTimeoutMs: resolved.closeTimeoutMs });
}

/**
 * A Duplex that takes notifications, sends them to APNs over HTTP/2, and yields one outcome for each:
 * {@link DeliveryOutcome} objects, with the notification's `context`, `line` and identity, in the order in which
 * they become known. Invalid notifications become `invalid` outcomes.
 *
 * It sends as `createHttp2Sink` does, with the same options. {@link createBinaryDelivery} describes how to read it and
 * how it ends.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS, at once
 */
export function createHttp2Delivery<C = unknown>(options: Http2Options): Delivery<C> {
  const resolved = resolveHttp2Options(options);
  const createSender = (events: NotificationSenderEvents): NotificationSender =>
    new Http2Sender(resolved, events);
  return new DeliveryStream<C>(createSender, { ...options, closeTimeoutMs: resolved.closeTimeoutMs });
}

interface DeliveryOptions {
  readonly closeTimeoutMs: number;
  readonly signal?: AbortSignal;
  readonly highWaterMark?: number;
}

/** How long outcomes may wait for a first reader before a process warning says so. */
const UNREAD_WARNING_MS = 5000;
const UNREAD_WARNING =
  'nothing reads the outcomes of this delivery, so it takes no more notifications and does not end: read them, pipe them, or discard them with delivery.resume()';

type Callback = (error?: Error | null) => void;

/**
 * A delivery over either wire; see {@link createBinaryDelivery}. `C` is the type of `context`. Over the binary wire, a
 * broadcast gets the outcome `invalid`.
 */
export interface Delivery<C = unknown>
  extends DuplexOf<Notification<C> | BroadcastNotification<C>, DeliveryOutcome<C>> {
  /** The number of notifications with each outcome so far. */
  readonly counts: Readonly<OutcomeCounts>;
  /** Ends the stream and waits until everything is settled, for at most `closeTimeoutMs`. */
  [Symbol.asyncDispose](): Promise<void>;
}

class DeliveryStream<C> extends Duplex implements Delivery<C> {
  static {
    redactStream(DeliveryStream);
    // `util.inspect` shows this name.
    Object.defineProperty(DeliveryStream, 'name', { value: 'Delivery' });
  }

  readonly #sender: NotificationSender;
  readonly #pump: OutcomePump;
  readonly #closeTimeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  /** The notification that waits for room, with its callback. */
  #waiting: { readonly notification: Notification; readonly callback: Callback } | undefined;
  /** Why sending ended; emitted when every outcome has been read. */
  #failure: Error | undefined;
  /** How many of the unwritten notifications are settled already. */
  #settledUnwritten = 0;
  #unreadTimer: NodeJS.Timeout | undefined;

  constructor(
    createSender: (events: NotificationSenderEvents) => NotificationSender,
    options: DeliveryOptions,
  ) {
    const { signal, ...sides } = streamOptions(options, 'writableHighWaterMark');
    super({ objectMode: true, ...sides });
    this.#sender = createSender({
      onRoom: () => this.#retryWaiting(),
      onFail: (error) => this.#fail(error),
    });
    this.#pump = new OutcomePump(this.#sender.outcomes, this, () => this.#sender.onRead());
    this.#closeTimeoutMs = options.closeTimeoutMs;
    this.#signal = signal;
    this.#onAbort = () => this.#fail(abortError(signal));
    if (signal?.aborted) process.nextTick(this.#onAbort);
    else signal?.addEventListener('abort', this.#onAbort);
  }

  get counts(): Readonly<OutcomeCounts> {
    return this.#sender.counts;
  }

  override _write(notification: Notification, _encoding: BufferEncoding, callback: Callback): void {
    // After a failure do not call back: the stream takes nothing more, and the error follows.
    if (this.#failure !== undefined) this.#settleLate(notification);
    else if (this.#send(notification)) callback();
    else this.#wait(notification, callback);
  }

  override _final(callback: Callback): void {
    this.#sender.end((error) => {
      if (error !== undefined) {
        this.#fail(error);
        return;
      }
      this.#pump.finish();
      callback();
      this.#watchForReader();
    });
  }

  override _read(): void {
    this.#pump.read();
  }

  // biome-ignore lint/suspicious/noExplicitAny: Node's own types use it
  override emit(name: string | symbol, ...args: any[]): boolean {
    try {
      return super.emit(name, ...args);
    } catch (error) {
      if (name !== 'data') throw error;
      throwLater(error);
      return true;
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: Node's own types use it, or `pipeline` would not take it
  override read(size?: number): any {
    const outcome = super.read(size);
    this.#failIfRead();
    return outcome;
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    clearInterval(this.#unreadTimer);
    this.#settleUnsent();
    this.#sender.destroy(endReason(this.#failure));
    this.#pump.stop();
    callback(error);
  }

  override [Symbol.asyncDispose](): Promise<void> {
    return closeGracefully(this, this.#closeTimeoutMs, (error) => this.#fail(error));
  }

  /** Passes a notification to the sender, or settles it as invalid. Returns false when there is no room. */
  #send(notification: Notification): boolean {
    try {
      return this.#sender.send(notification);
    } catch (error) {
      if (!(error instanceof InvalidNotificationError)) throw error;
      const { field, problem } = error;
      this.#sender.settle(notification, { status: 'invalid', field, message: problem });
      return true;
    }
  }

  #wait(notification: Notification, callback: Callback): void {
    this.#waiting = { notification, callback };
    // A program that does not read outcomes works until its notifications no longer fit the window.
    this.#watchForReader();
  }

  #watchForReader(): void {
    if (this.readableFlowing !== null || this.#unreadTimer !== undefined) return;
    this.#unreadTimer = setInterval(() => this.#warnIfUnread(), UNREAD_WARNING_MS).unref();
  }

  #warnIfUnread(): void {
    const isUnread = this.readableFlowing === null;
    const isStuck = (this.#waiting !== undefined || this.writableFinished) && this.#hasOutcomes;
    if (isUnread && !isStuck) return;
    clearInterval(this.#unreadTimer);
    if (isUnread)
      process.emitWarning(UNREAD_WARNING, { type: 'ApnsWarning', code: 'APNS_WARN_UNREAD_OUTCOMES' });
  }

  #retryWaiting(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    if (this.#send(waiting.notification)) waiting.callback();
    else this.#waiting = waiting;
  }

  /** Sending has ended before the input: settles everything now, and lets the error follow the outcomes. */
  #fail(error: Error): void {
    if (this.#failure !== undefined || this.destroyed) return;
    this.#failure = error;
    this.#settleUnsent();
    this.#sender.destroy(endReason(error));
    // The error must be emitted even if there is no reader.
    setImmediate(() => {
      if (this.readableFlowing === null) this.destroy(error);
      else this.#failIfRead();
    });
  }

  /** Settles notifications that were written to this stream and not passed to the sender. */
  #settleUnsent(): void {
    const settlement = unsentSettlement(this.#failure);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    const unwritten = bufferedChunks(this).slice(this.#settledUnwritten) as Notification[];
    this.#settledUnwritten += unwritten.length;
    // A getter of a notification may call this method again, so remove them first.
    if (waiting !== undefined) this.#sender.settle(waiting.notification, settlement);
    for (const notification of unwritten) this.#sender.settle(notification, settlement);
  }

  /** Handles writes after the failure. Those that Node had buffered come first, in order, and are settled already. */
  #settleLate(notification: Notification): void {
    if (this.#settledUnwritten > 0) this.#settledUnwritten--;
    else this.#sender.settle(notification, unsentSettlement(this.#failure));
  }

  #failIfRead(): void {
    if (this.#failure === undefined || this.destroyed || !this.#settleAndCheckRead()) return;
    // Wait for a later tick, so that the reader can pass the last outcome on before the error arrives.
    const failure = this.#failure;
    setImmediate(() => {
      if (this.#settleAndCheckRead()) this.destroy(failure);
    });
  }

  /** Settles what was written after the failure, and returns whether every outcome was read. */
  #settleAndCheckRead(): boolean {
    // Do not do this for every outcome: its cost grows with the number of buffered notifications.
    if (this.#hasOutcomes) return false;
    this.#settleUnsent();
    return !this.#hasOutcomes;
  }

  get #hasOutcomes(): boolean {
    return this.readableLength > 0 || this.#sender.outcomes.unread > 0;
  }
}

function abortError(signal: AbortSignal | undefined): Error {
  const error = new Error('The operation was aborted', { cause: signal?.reason });
  error.name = 'AbortError';
  return Object.assign(error, { code: 'ABORT_ERR' });
}
