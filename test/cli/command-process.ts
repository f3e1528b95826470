/** The built command as a process: lines to wait for, signals to send, an exit code. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { LIMIT } from './limited-process.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface ExitedProcess {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export class CommandProcess {
  readonly #child: ChildProcess;
  readonly #text = { stdout: '', stderr: '' };
  readonly #exited: Promise<number | null>;

  /**
   * @param stdout a file descriptor to write to in place of the pipe
   * @param stdin a file descriptor to read from in place of the pipe
   * @param maxFileBytes where files end, as on a full disk; 0 for no limit
   */
  constructor(
    argv: readonly string[],
    stdout: 'pipe' | number = 'pipe',
    stdin: 'pipe' | number = 'pipe',
    maxFileBytes = 0,
  ) {
    const command = [process.execPath, MAIN, ...argv];
    const limited = ['-c', `${LIMIT}; exec "$@"`, 'sh', String(maxFileBytes), ...command];
    this.#child =
      maxFileBytes === 0
        ? spawn(process.execPath, [MAIN, ...argv], { stdio: [stdin, stdout, 'pipe'] })
        : spawn('sh', limited, { stdio: [stdin, stdout, 'pipe'] });
    // A command that stops early leaves whoever writes to it with a broken pipe.
    this.#child.stdin?.on('error', () => {});
    for (const name of ['stdout', 'stderr'] as const) {
      this.#child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this.#text[name] += text;
      });
    }
    this.#exited = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  get stdin(): Writable {
    return this.#child.stdin as Writable;
  }

  get stdout(): Readable {
    return this.#child.stdout as Readable;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves with what a stream has said once that matches. */
  async said(name: 'stdout' | 'stderr', pattern: RegExp): Promise<string> {
    while (!pattern.test(this.#text[name])) {
      await Promise.race([
        once(this.#child[name] as Readable, 'data'),
        this.#exited.then((code) => {
          throw new Error(`exited with ${code} before it said ${pattern}: ${this.#text.stderr}`);
        }),
      ]);
    }
    return this.#text[name];
  }

  /** Resolves when the process is over and its output is read to the end. */
  async exit(): Promise<ExitedProcess> {
    return { code: await this.#exited, out: this.#text.stdout, err: this.#text.stderr };
  }

  /** For whatever a failed test leaves behind. */
  dispose(): void {
    this.#child.kill('SIGKILL');
  }
}
