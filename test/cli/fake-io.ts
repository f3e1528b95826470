/** The process as a command sees it, without a process. */
import { Readable, Writable } from 'node:stream';
import type { CommandIo, StopSignal } from '../../src/cli/io.js';
import { StatusLine } from '../../src/cli/status-line.js';

export interface FakeIoOptions {
  readonly stdin?: string | Buffer | readonly (string | Buffer)[];
  /** Which of the three are terminals. */
  readonly terminals?: readonly ('stdin' | 'stdout' | 'stderr')[];
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly stdout?: Writable;
}

export class FakeIo implements CommandIo {
  readonly stdin: CommandIo['stdin'];
  readonly stdout: CommandIo['stdout'];
  readonly stderr: CommandIo['stderr'];
  readonly status: StatusLine;
  readonly env: Readonly<Record<string, string>>;
  readonly #out: Buffer[] = [];
  readonly #err: Buffer[] = [];
  readonly #listeners = new Set<(signal: StopSignal) => void>();
  readonly #timers = new Map<object, { readonly ms: number; readonly tick: () => void }>();
  #now = 0;

  constructor(options: FakeIoOptions = {}) {
    const { stdin = [], terminals = [], env = {}, columns } = options;
    const chunks = typeof stdin === 'string' || Buffer.isBuffer(stdin) ? [stdin] : stdin;
    const bytes = chunks.map((chunk) => Buffer.from(chunk));
    const terminal = (name: 'stdin' | 'stdout' | 'stderr'): object =>
      terminals.includes(name) ? { isTTY: true } : {};
    this.stdin = Object.assign(Readable.from(bytes, { objectMode: false }), terminal('stdin'));
    this.stdout = Object.assign(options.stdout ?? collect(this.#out), terminal('stdout'));
    this.stderr = Object.assign(
      collect(this.#err),
      terminal('stderr'),
      columns === undefined ? {} : { columns },
    );
    this.status = new StatusLine(this.stderr);
    this.env = env;
  }

  readonly clock: CommandIo['clock'] = {
    now: () => this.#now,
    every: (ms, tick) => {
      const timer = {};
      this.#timers.set(timer, { ms, tick });
      return () => this.#timers.delete(timer);
    },
  };

  onSignal(listener: (signal: StopSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sends a signal to whoever listens. */
  signal(signal: StopSignal): void {
    for (const listener of this.#listeners) listener(signal);
  }

  /** Lets time pass, and every timer tick as often as it would. */
  pass(ms: number): void {
    for (const { ms: period, tick } of [...this.#timers.values()]) {
      for (let at = period; at <= ms; at += period) {
        const start = this.#now;
        this.#now = start + at;
        tick();
        this.#now = start;
      }
    }
    this.#now += ms;
  }

  get timers(): number {
    return this.#timers.size;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  get out(): string {
    return Buffer.concat(this.#out).toString();
  }

  get outBytes(): Buffer {
    return Buffer.concat(this.#out);
  }

  get err(): string {
    return Buffer.concat(this.#err).toString();
  }

  /** Standard output as NDJSON. */
  get lines(): Record<string, unknown>[] {
    return this.out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }
}

function collect(into: Buffer[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, callback) {
      into.push(chunk);
      callback();
    },
  });
}
