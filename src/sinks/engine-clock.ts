/**
 * The time of an engine, and its one alarm.
 *
 * Engine time is monotonic, and it stands still while the process does. A process can be frozen (SIGSTOP, `docker
 * pause`, a closed laptop) and an event loop can be blocked; afterwards Node runs timers before it reads sockets, so
 * that a deadline would end a notification whose response has already arrived. Two rules prevent that:
 *
 * - When the alarm is found late, the lateness is taken out of engine time: deadlines count only the time in which
 *   the process ran.
 * - The alarm is handled only after a poll phase, in which Node reads the sockets.
 */

/** The longest delay that a Node timer can hold; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** An alarm that is later than this was held up by a frozen process or a blocked event loop. */
const FREEZE_MS = 500;

/** One poll phase reads about 2 MiB from a socket, so this many read more than a full window of responses. */
const MAX_POLLS = 32;

/** See the file comment. */
export class EngineClock {
  readonly #onAlarm: (frozenMs: number) => void;
  readonly #onTimer: () => void;
  readonly #onTickEnd: () => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #alarmAt = Number.POSITIVE_INFINITY;
  /** How much of the monotonic clock is not engine time. */
  #removedMs = 0;
  /** How long the process stood still before the alarm that is being handled. */
  #frozenMs = 0;
  #now = -1;
  #hasRead = false;

  /**
   * @param onAlarm is called once per alarm, perhaps too early: it looks at what is due and sets the next alarm.
   * `frozenMs` says how long the process had stood still, 0 if it had not.
   */
  constructor(onAlarm: (frozenMs: number) => void) {
    this.#onAlarm = onAlarm;
    this.#onTimer = () => {
      this.now();
      this.#hasRead = false;
      this.#poll(MAX_POLLS);
    };
    this.#onTickEnd = () => {
      this.#now = -1;
    };
  }

  /** Engine time, read once per tick: whole milliseconds, rounded up, since integers need no memory of their own. */
  now(): number {
    if (this.#now < 0) {
      this.#now = this.#read();
      process.nextTick(this.#onTickEnd);
    }
    return this.#now;
  }

  /**
   * Whether the process has just stood still, and the sockets were not read since. A connection that the peer closed
   * meanwhile still looks open, so nothing may be written until the alarm was handled.
   */
  get isCatchingUp(): boolean {
    return this.#frozenMs > 0;
  }

  /** Sets the alarm to this engine time, unless it is set to an earlier one already. */
  wakeAt(at: number): void {
    if (at >= this.#alarmAt) return;
    const now = this.now();
    const alarmAt = Math.max(now, at);
    if (alarmAt >= this.#alarmAt) return;
    this.#alarmAt = alarmAt;
    // The alarm that waits for its poll phase is handled first; it looks at what is due.
    if (this.#immediate !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onTimer, Math.min(MAX_TIMER_MS, Math.ceil(alarmAt - now)));
  }

  /** Says that a socket delivered bytes: there may be more, so an alarm that is due waits for another poll phase. */
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
      this.#onAlarm(frozenMs);
    });
  }
}
