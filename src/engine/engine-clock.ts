/**
 * The time of an engine, and its one alarm.
 *
 * Engine time is monotonic, and it stops while the process is frozen (SIGSTOP, `docker pause`, a closed laptop) or its
 * event loop is blocked. Afterwards Node runs timers before it reads sockets, so without engine time a deadline would
 * end a notification whose response has already arrived. Two rules prevent that:
 *
 * - When the alarm is late, its lateness is subtracted from engine time: deadlines count only the time in which the
 *   process ran.
 * - The engine handles the alarm only after a poll phase, in which Node reads the sockets.
 */

import { MAX_TIMER_MS } from '../core/options.js';

/** After a pause of this length, the engine reads its sockets before it writes. */
const PAUSE_MS = 1000;

/** If an alarm is later than this, the process was frozen or its event loop was blocked. */
const FREEZE_MS = 500;

/** An engine with something unsettled sets its alarm at least this often, so that it notices when the process freezes. */
export const FREEZE_CHECK_MS = 500;

/** One poll phase reads about 2 MiB from a socket, so this many phases read more than a full window of responses. */
const MAX_POLLS = 32;

/** See the file comment. */
export class EngineClock {
  readonly #onAlarm: (frozenMs: number) => void;
  readonly #onTimer: () => void;
  readonly #onTickEnd: () => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #alarmAt = Number.POSITIVE_INFINITY;
  /** The difference between the monotonic clock and engine time. */
  #removedMs = 0;
  /** How long the process was frozen before the current alarm. */
  #frozenMs = 0;
  #now = -1;
  #hasRead = false;
  #isPolling = false;
  #activeAt = Number.NEGATIVE_INFINITY;

  /**
   * @param onAlarm is called once per alarm, perhaps too early. It handles what is due and sets the next alarm.
   * `frozenMs` is how long the process was frozen, or 0.
   */
  constructor(onAlarm: (frozenMs: number) => void) {
    this.#onAlarm = onAlarm;
    this.#onTimer = () => {
      // A poll phase is running; the alarm is handled after it.
      if (this.#immediate !== undefined) return;
      this.now();
      this.#hasRead = false;
      this.#poll(MAX_POLLS);
    };
    this.#onTickEnd = () => {
      this.#now = -1;
    };
  }

  /** Engine time, read once per tick: milliseconds, rounded up, because integers need no heap allocation. */
  now(): number {
    if (this.#now < 0) {
      this.#now = this.#read();
      process.nextTick(this.#onTickEnd);
    }
    return this.#now;
  }

  /**
   * Whether the process was just frozen, or the engine idle, and the sockets were not read since. A connection that the
   * peer closed in the meantime still looks open, so nothing may be written until the alarm was handled.
   */
  get isCatchingUp(): boolean {
    return this.#frozenMs > 0 || this.#isPolling;
  }

  /**
   * Call this before the engine acts. During a pause a peer may have closed a connection, which only reading its socket
   * shows. So after a pause the sockets are read first, then the alarm is handled.
   *
   * @param hasConnections whether there are sockets to read
   */
  noteActivity(hasConnections: boolean): void {
    const now = this.now();
    const isPause = now - this.#activeAt > PAUSE_MS;
    this.#activeAt = now;
    if (!isPause || !hasConnections) return;
    this.#isPolling = true;
    if (this.#immediate !== undefined) return;
    this.#hasRead = false;
    this.#poll(MAX_POLLS);
  }

  /** Sets the alarm to this engine time, unless it is already set to an earlier one. */
  wakeAt(at: number): void {
    if (at >= this.#alarmAt) return;
    const now = this.now();
    const alarmAt = Math.max(now, at);
    if (alarmAt >= this.#alarmAt) return;
    this.#alarmAt = alarmAt;
    // An alarm that waits for its poll phase is handled first, and handles everything that is due.
    if (this.#immediate !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onTimer, Math.min(MAX_TIMER_MS, Math.ceil(alarmAt - now)));
  }

  /** Call this when a socket delivered bytes: there may be more, so a due alarm waits for another poll phase. */
  noteRead(): void {
    this.#hasRead = true;
  }

  /** Cancels the alarm. It can be set again. */
  cancel(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    this.#frozenMs = 0;
    this.#isPolling = false;
  }

  #read(): number {
    const now = Math.ceil(performance.now()) - this.#removedMs;
    const lateMs = now - this.#alarmAt;
    if (lateMs <= FREEZE_MS) return now;
    this.#removedMs += lateMs;
    this.#frozenMs += lateMs;
    return this.#alarmAt;
  }

  #poll(pollsLeft: number): void {
    this.#immediate = setImmediate(() => {
      if (this.#hasRead && pollsLeft > 1) {
        this.#hasRead = false;
        this.#poll(pollsLeft - 1);
        return;
      }
      const frozenMs = this.#frozenMs;
      this.#immediate = undefined;
      this.#alarmAt = Number.POSITIVE_INFINITY;
      this.#frozenMs = 0;
      this.#isPolling = false;
      this.#onAlarm(frozenMs);
    });
  }
}
