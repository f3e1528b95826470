/** Stops to wait for a test that takes much longer with a mutant than without. */
import { performance } from 'node:perf_hooks';

/** The time of a test without any mutant. */
export interface TestTime {
  readonly ms: number;
}

const MESSAGE = 'the test takes too long with this mutant';
// A test may replace the timers of the global object.
const { setTimeout, clearTimeout } = globalThis;
const utilization = performance.eventLoopUtilization.bind(performance);

/**
 * Runs a test for as long as it could reasonably take. Only the time counts in which the event loop waits: a test that
 * hangs waits, while one that has to compute on a busy machine does not. Computing has a generous limit of its own.
 *
 * @throws {Error} one that `isBudgetError` recognizes, if the test takes longer
 */
export async function withinBudget(
  run: () => Promise<void>,
  { ms }: TestTime,
  extraMs: number,
): Promise<void> {
  const before = utilization();
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<never>((_, reject) => {
    const check = (): void => {
      const { idle, active } = utilization(before);
      if (idle >= 1.5 * ms + extraMs * 0.9 || active >= 5 * ms + extraMs) reject(new Error(MESSAGE));
      else timer = setTimeout(check, extraMs / 10);
    };
    timer = setTimeout(check, 1.5 * ms + extraMs);
  });
  try {
    await Promise.race([run(), isLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a test failed because of its budget. */
export function isBudgetError(error: { readonly message: string } | undefined): boolean {
  return (
    error !== undefined &&
    (error.message === MESSAGE || /^(Test|Hook) timed out in \d+ms/.test(error.message))
  );
}
