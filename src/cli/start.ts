/** The `apns-streams` command as a process; with main.ts, the only file of it that touches process globals. */
import { ExitCode } from './exit-code.js';
import { isHangupIgnored } from './ignored-hangup.js';
import type { Clock, CommandIo, StopSignal } from './io.js';
import { run } from './run.js';
import { StatusLine } from './status-line.js';

const clock: Clock = {
  now: () => performance.now(),
  every(ms, tick) {
    const timer = setInterval(tick, ms).unref();
    return () => clearInterval(timer);
  },
};

/** Runs the command line of this process, and sets its exit code. */
export async function start(): Promise<void> {
  const ignoresHangup = isHangupIgnored(process.env);
  const signals: readonly StopSignal[] = ['SIGINT', 'SIGTERM', ...(ignoresHangup ? [] : ['SIGHUP' as const])];
  // A listener that does nothing is the only way to ignore a signal here.
  if (ignoresHangup) process.on('SIGHUP', () => {});
  const io: CommandIo = {
    // These are getters, because reading process.stdin opens it.
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return process.stdout;
    },
    get stderr() {
      return process.stderr;
    },
    status: new StatusLine(process.stderr),
    env: process.env,
    clock,
    onSignal(listener) {
      const handler = (signal: NodeJS.Signals): void => listener(signal as StopSignal);
      for (const signal of signals) process.on(signal, handler);
      return () => {
        for (const signal of signals) process.off(signal, handler);
      };
    },
  };
  // The reader of standard error has exited. The work continues, and the exit code still shows its result.
  process.stderr.on('error', () => {});
  // Node exits without an error if the event loop becomes empty before the run ends.
  process.exitCode = ExitCode.Fault;
  process.exitCode = await run(process.argv.slice(2), io);
  // Do not exit in any other case, because that would discard buffered data of standard error. Data that standard
  // output still buffers is for a reader that no longer reads, and would keep the process alive.
  if (process.stdout.writableLength > 0) process.exit();
}
