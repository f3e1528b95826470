/** Handles signals in two steps: the first asks the command to finish; the second, or a timeout, stops it at once. */
import type { CommandIo, StopSignal } from './io.js';

/** Listens for signals from its construction until {@link StopSignals.dispose}. */
export class StopSignals {
  readonly #first = new AbortController();
  readonly #second = new AbortController();
  readonly #remove: () => void;
  #stopTimer: () => void = () => {};
  #signal: StopSignal | undefined;

  /** @param stopTimeoutMs how long after the first signal {@link StopSignals.second} comes by itself; 0 for at once */
  constructor(io: Pick<CommandIo, 'onSignal' | 'clock'>, stopTimeoutMs?: number) {
    this.#remove = io.onSignal((signal) => {
      this.#signal ??= signal;
      if (this.#first.signal.aborted) this.#second.abort();
      else if (stopTimeoutMs === 0) this.#second.abort();
      else if (stopTimeoutMs !== undefined) {
        this.#stopTimer = io.clock.every(stopTimeoutMs, () => {
          this.#stopTimer();
          this.#second.abort();
        });
      }
      this.#first.abort();
    });
  }

  /** Aborted by the first signal: stop reading, and settle the notifications in flight. */
  get first(): AbortSignal {
    return this.#first.signal;
  }

  /** Aborted by the second signal, or when the time to stop is over: the command stops at once. */
  get second(): AbortSignal {
    return this.#second.signal;
  }

  /** The first signal, if any arrived. */
  get signal(): StopSignal | undefined {
    return this.#signal;
  }

  /** Restores the default effect of signals. */
  dispose(): void {
    this.#stopTimer();
    this.#remove();
  }
}

/**
 * Runs `work` until it is done or the first signal aborts it.
 *
 * @returns the signal, if one came; what `work` throws because of it is of no interest then
 */
export async function runUntilSignal(
  io: Pick<CommandIo, 'onSignal' | 'clock'>,
  work: (stop: AbortSignal) => Promise<void>,
): Promise<StopSignal | undefined> {
  const stopSignals = new StopSignals(io);
  try {
    await work(stopSignals.first);
  } catch (error) {
    if (stopSignals.signal === undefined) throw error;
  } finally {
    stopSignals.dispose();
  }
  return stopSignals.signal;
}
