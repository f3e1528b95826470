/** Sends notifications to APNs over HTTP/2, with exactly one outcome for each. */

import { addAbortSignal, Writable } from 'node:stream';
import { InvalidNotificationError } from '../core/errors.js';
import type { BroadcastNotification, Notification } from '../core/notification.js';
import { callbackOption, streamOptions } from '../core/options.js';
import type { Outcome, OutcomeCounts } from '../core/outcome.js';
import { redactStream } from '../core/redact-stream.js';
import type { ReadableOf, WritableOf } from '../core/typed-stream.js';
import { endReason, unsentSettlement } from '../engine/end-reason.js';
import { HTTP2_OPTION_NAMES, type Http2Options, resolveHttp2Options } from '../engine/http2/options.js';
import { Http2Sender } from '../engine/http2/sender.js';
import { bufferedChunks } from './buffered-chunks.js';
import { closeGracefully } from './graceful-close.js';
import { OutcomeSource } from './outcome-source.js';

/** Options of {@link createHttp2Sink}. */
export interface Http2SinkOptions extends Http2Options {
  /** Receives each invalid notification, which the sink then skips. Without this function the stream fails. */
  readonly onInvalid?: (error: InvalidNotificationError) => void;
}

type Callback = (error?: Error | null) => void;

/**
 * A Writable of notifications that owns its HTTP/2 connections to APNs.
 *
 * It connects with the first notification, and reuses its connections. It waits for the gateway's SETTINGS, and never
 * opens more streams than the latest SETTINGS allow. It sends a notification again if the gateway certainly has not
 * processed it: its stream was refused, or is above GOAWAY's last one. It retries 429 and every status from 500 within
 * the notification's deadline, not before the time in `retry-after`. Without a response, any other notification is
 * `unknown`. The `apns-id` stays the same for every attempt.
 *
 * `finish` means that everything is settled. The stream fails with an {@link ApnsError} when connecting fails
 * `backoff.attempts` + 1 times in a row, or at once after an error that another attempt cannot fix, such as refused
 * credentials. Without `onInvalid`, it also fails with
 * an invalid notification, after earlier ones are settled.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS, at once
 */
export function createHttp2Sink<C = unknown>(options: Http2SinkOptions): Http2Sink<C> {
  return new Http2SinkStream<C>(options);
}

/** See {@link createHttp2Sink}. `C` is the type of `context`. */
export interface Http2Sink<C = unknown> extends WritableOf<Notification<C> | BroadcastNotification<C>> {
  /** The number of notifications with each outcome so far. */
  readonly counts: Readonly<OutcomeCounts>;
  /**
   * The outcome of each notification, in the order in which they become known; see {@link Outcome}.
   *
   * Reading this property creates the stream. From then on a slow reader slows the sending; before that, the sink
   * keeps only `counts`. The stream ends when the sink has ended or was destroyed.
   */
  readonly outcomes: ReadableOf<Outcome<C>>;
  /** Ends the stream and waits until everything is settled, for at most `closeTimeoutMs`. */
  [Symbol.asyncDispose](): Promise<void>;
}

class Http2SinkStream<C> extends Writable implements Http2Sink<C> {
  static {
    redactStream(Http2SinkStream);
    // `util.inspect` shows this name.
    Object.defineProperty(Http2SinkStream, 'name', { value: 'Http2Sink' });
  }

  readonly #sender: Http2Sender;
  readonly #closeTimeoutMs: number;
  readonly #onInvalid: Http2SinkOptions['onInvalid'];
  #waiting: { readonly notification: Notification; readonly callback: Callback } | undefined;
  #outcomes: OutcomeSource | undefined;

  constructor(options: Http2SinkOptions) {
    const resolved = resolveHttp2Options(options, [...HTTP2_OPTION_NAMES, 'onInvalid']);
    const onInvalid = callbackOption('onInvalid', options.onInvalid);
    const { signal, ...rest } = streamOptions(options, 'highWaterMark');
    super({ objectMode: true, ...rest });
    this.#closeTimeoutMs = resolved.closeTimeoutMs;
    this.#onInvalid = onInvalid;
    this.#sender = new Http2Sender(resolved, {
      onRoom: () => this.#retryWaiting(),
      onFail: (error) => this.destroy(error),
    });
    // Attach the signal last: if it is already aborted, destroy() runs synchronously and needs every field initialised.
    if (signal !== undefined) addAbortSignal(signal, this);
  }

  get counts(): Readonly<OutcomeCounts> {
    return this.#sender.counts;
  }

  get outcomes(): ReadableOf<Outcome<C>> {
    this.#outcomes ??= new OutcomeSource(this.#sender.outcomes, () => this.#sender.onRead());
    if (this.closed) this.#outcomes.finish();
    return this.#outcomes as ReadableOf<Outcome<C>>;
  }

  override _write(notification: Notification, _encoding: BufferEncoding, callback: Callback): void {
    let isTaken: boolean;
    try {
      isTaken = this.#sender.send(notification);
    } catch (error) {
      this.#reject(notification, error as Error, callback);
      return;
    }
    if (isTaken) callback();
    else this.#waiting = { notification, callback };
  }

  override _final(callback: Callback): void {
    this.#sender.end(callback);
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const settlement = unsentSettlement(error);
    if (this.#waiting !== undefined) this.#sender.settle(this.#waiting.notification, settlement);
    this.#waiting = undefined;
    for (const notification of bufferedChunks(this))
      this.#sender.settle(notification as Notification, settlement);
    this.#sender.destroy(endReason(error));
    this.#outcomes?.finish();
    callback(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return closeGracefully(this, this.#closeTimeoutMs);
  }

  #retryWaiting(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    this._write(waiting.notification, 'utf8', waiting.callback);
  }

  #reject(notification: Notification, error: Error, callback: Callback): void {
    if (!(error instanceof InvalidNotificationError)) {
      this.#fail(error, callback);
      return;
    }
    const { field, problem } = error;
    this.#sender.settle(notification, { status: 'invalid', field, message: problem });
    if (this.#onInvalid === undefined) {
      this.#sender.end((failure) => this.#fail(failure ?? error, callback));
      return;
    }
    try {
      this.#onInvalid(error);
    } catch (thrown) {
      this.#fail(thrown as Error, callback);
      return;
    }
    callback();
  }

  /** Destroys first: if a callback passed the error, Node would drop buffered notifications that have no outcome. */
  #fail(error: Error, callback: Callback): void {
    this.destroy(error);
    callback(error);
  }
}
