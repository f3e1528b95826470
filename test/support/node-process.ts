/** A script of the built package as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The package's own directory. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

/** A process under way. It is killed when the test ends, if it still runs then. */
export interface NodeProcess {
  readonly child: ChildProcess;
  /** Standard output so far. */
  readonly stdout: string;
  /** Resolves with the first line of standard output that matches. */
  line(pattern: RegExp): Promise<string>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
}

/** Starts Node with `args`, in the package's directory. */
export function startNode(...args: readonly string[]): NodeProcess {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const lines = createInterface(child.stdout);
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return {
    child,
    ended,
    get stdout() {
      return stdout;
    },
    line: (pattern) =>
      new Promise((resolve, reject) => {
        lines.on('line', (line) => {
          if (pattern.test(line)) resolve(line);
        });
        void ended.then(() => reject(new Error(`ended without such a line: ${stdout}${stderr}`)));
      }),
  };
}

/** Runs Node with `args` to its end. */
export async function runNode(...args: readonly string[]): Promise<Awaited<NodeProcess['ended']>> {
  return startNode(...args).ended;
}
