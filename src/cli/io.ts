/** The parts of the process that a command may use. Only `start.ts` fills it from process globals. */
import type { Readable, Writable } from 'node:stream';
import type { StatusLine } from './status-line.js';

/** The signals a command can answer. */
export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** Time, as a test can replace it. */
export interface Clock {
  /** Milliseconds, from any origin, never going back. */
  now(): number;
  /** Calls `tick` every `ms` milliseconds until the returned function is called. Keeps no process alive. */
  every(ms: number, tick: () => void): () => void;
}

/** Standard streams, environment, clock and signals. */
export interface CommandIo {
  readonly stdin: Readable & { readonly isTTY?: boolean; readonly fd?: number };
  /** With `fd` where it is a file descriptor. */
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly fd?: number };
  readonly stderr: {
    write(text: string): unknown;
    readonly isTTY?: boolean;
    readonly columns?: number;
  };
  /** Drawn on standard error, where that is a terminal. */
  readonly status: StatusLine;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** While a listener is there, signals do not end the process. Returns a function that removes it. */
  onSignal(listener: (signal: StopSignal) => void): () => void;
}
