/**
 * Timeouts that do not blame a peer for a process that stood still.
 *
 * Node runs timers before it reads sockets. After the process was frozen (SIGSTOP, a suspended container) or its
 * event loop was blocked, a timer is due although the answer may have arrived long ago, or although the peer had no
 * chance to answer. So a timer that fires is judged after the sockets were read once more (the poll phase lies
 * between a timer and `setImmediate`), and one that fires far too late starts again, once.
 */

/** A timer that is later than this share of its time has measured the process, not the peer. */
const MAX_LATE_SHARE = 0.1;

/** Calls a function when a peer has had its time; see the file comment. */
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

  /** Gives the peer its whole time again. */
  restart(): void {
    this.cancel();
    this.#isExtended = false;
    this.#start();
  }

  /** After this the function is not called any more. */
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
