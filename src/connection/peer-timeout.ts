/**
 * Timeouts that do not count time in which this process was frozen.
 *
 * Node runs timers before it reads sockets. After the process was frozen (SIGSTOP, a suspended container) or its
 * event loop was blocked, a timer is due although the response may have arrived, or although the peer had no chance to
 * respond. So the timeout waits until the sockets have been read once more (the poll phase is between a timer and
 * `setImmediate`), and a timer that fires far too late starts again, once.
 */

/** If a timer is late by more than this fraction of its time, the process was frozen, and the peer may not be slow. */
const MAX_LATE_SHARE = 0.1;

/** Calls a function when the time of a peer is over; see the file comment. */
export class PeerTimeout {
  readonly #ms: number;
  readonly #onTimeout: () => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #dueAt = 0;
  #isExtended = false;

  /** Starts at once. */
  constructor(ms: number, onTimeout: () => void) {
    this.#ms = ms;
    this.#onTimeout = onTimeout;
    this.#start();
  }

  /** Restarts the timeout. */
  restart(): void {
    this.cancel();
    this.#isExtended = false;
    this.#start();
  }

  /** Stops the timeout; the function is not called after this. */
  cancel(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }

  #start(): void {
    this.#dueAt = performance.now() + this.#ms;
    this.#timer = setTimeout(() => this.#onTimer(), this.#ms);
  }

  #onTimer(): void {
    const lateMs = performance.now() - this.#dueAt;
    if (!this.#isExtended && lateMs > this.#ms * MAX_LATE_SHARE) {
      this.#isExtended = true;
      this.#start();
    } else {
      this.#immediate = setImmediate(this.#onTimeout);
    }
  }
}
