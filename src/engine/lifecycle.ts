/**
 * The states of a sender.
 *
 *     taking ──end()──▶ ending ────────┐
 *        └────fail()──▶ failed ────────┴── everything is settled ──▶ over
 *     any state ──destroy()──▶ over
 *
 * A sender that has stopped writes nothing more; what was written is still settled. Callbacks of connections can run
 * in the middle of a step, so `isStepping` guards against a step within a step.
 */
import type { ApnsError } from '../core/errors.js';

/** See the file comment. */
export class Lifecycle {
  /** Whether a step is under way. */
  isStepping = false;
  #onEnd: ((error?: ApnsError) => void) | undefined;
  #failure: ApnsError | undefined;
  #stopReason: string | undefined;
  #isOver = false;

  /** Why the sending failed. */
  get failure(): ApnsError | undefined {
    return this.#failure;
  }

  /** The reason for notifications that are no longer sent; `undefined` while notifications are sent. */
  get stopReason(): string | undefined {
    return this.#stopReason;
  }

  /** Whether nothing is sent any more. */
  get isStopped(): boolean {
    return this.#isOver || this.#stopReason !== undefined;
  }

  /** Whether the sending ends when everything is settled. */
  get isEnding(): boolean {
    return this.#onEnd !== undefined || this.#failure !== undefined;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** No notification follows. The callback is called once, when everything is settled. */
  end(callback: (error?: ApnsError) => void): void {
    this.#onEnd = callback;
  }

  /** Nothing can be sent any more. Only the first reason counts. */
  fail(error: ApnsError, reason: string): void {
    this.#failure ??= error;
    this.#stopReason ??= reason;
  }

  /** Ends the sending at once. Only the first reason counts. */
  destroy(reason: string): void {
    this.#isOver = true;
    this.#stopReason ??= reason;
  }

  /** Everything is settled: calls the callback of `end`, or `onFail`. */
  complete(onFail: (error: ApnsError) => void): void {
    this.#isOver = true;
    if (this.#onEnd !== undefined) this.#onEnd(this.#failure);
    else onFail(this.#failure!);
  }
}
