/** The parts of the process that a command may use. Only `start.ts` fills it from process globals. */
import type { Readable, Writable } from 'node:stream';
import type { StatusLine } from './status-line.js';

/** The signals that a command can handle. */
export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The clock, which tests can replace. */
export interface Clock {
  /** Monotonic time in milliseconds, from any origin. */
  now(): number;
  /** Calls `tick` every `ms` milliseconds until the returned function is called. Keeps no process alive. */
  every(ms: number, tick: () => void): () => void;
}

/** Standard streams, environment, clock and signals. */
export interface CommandIo {
  readonly stdin: Readable & { readonly isTTY?: boolean; readonly fd?: number };
  /** It has `fd` if it is a file descriptor. */
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly fd?: number };
  readonly stderr: {
    write(text: string): unknown;
    readonly isTTY?: boolean;
    readonly columns?: number;
  };
  /** The status line on standard error, if that is a terminal. */
  readonly status: StatusLine;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** While a listener is there, signals do not end the process. Returns a function that removes it. */
  onSignal(listener: (signal: StopSignal) => void): () => void;
}
