/** The client of `frozen-client.mjs`, and what freezes it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { until } from '../support/frames.js';

const SCRIPT = fileURLToPath(new URL('./frozen-client.mjs', import.meta.url));

export interface FrozenClient {
  /** What it printed, line by line. */
  readonly lines: string[];
  /** How many of its lines are this one. */
  count(line: string): number;
  /** How often it printed each outcome. */
  outcomes(): Record<string, number>;
  /** Stops the process for so long, as `docker pause` does, and wakes it again. */
  freeze(ms: number): Promise<void>;
  /** Blocks its event loop for so long. */
  block(ms: number): void;
}

/** Starts a client; resolves when it has written its notifications. */
export async function startFrozenClient(
  wire: 'http2' | 'binary',
  options: object,
  ...flags: readonly string[]
): Promise<FrozenClient> {
  const child: ChildProcess = spawn(process.execPath, [SCRIPT, wire, JSON.stringify(options), ...flags], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines: string[] = [];
  child.stdout!.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  const count = (line: string): number => lines.filter((it) => it === line).length;
  await until(() => count('sent') === 1);
  return {
    lines,
    count,
    outcomes() {
      const outcomes: Record<string, number> = {};
      for (const line of lines) if (/^(before|after) /.test(line)) outcomes[line] = (outcomes[line] ?? 0) + 1;
      return outcomes;
    },
    async freeze(ms) {
      child.kill('SIGSTOP');
      await sleep(ms);
      child.kill('SIGCONT');
    },
    block: (ms) => child.stdin!.write(`block ${ms}\n`),
  };
}
