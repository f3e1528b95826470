/** Detects whether this process was started with SIGHUP ignored, as `nohup` and `trap '' HUP` do. */
import { readFileSync } from 'node:fs';

const SIGHUP_BIT = 1n;

/**
 * Node resets every ignored signal to its default action before any JavaScript runs, so this process cannot query its
 * own setting. Two clues remain: bash sets `_` to the name of the program that it starts, and a signal that the parent
 * process ignores was ignored when the parent started this process. Without either clue, the result is false.
 */
export function isHangupIgnored(
  env: Readonly<Record<string, string | undefined>>,
  parent: number = process.ppid,
): boolean {
  if (/(?:^|\/)nohup$/.test(env['_'] ?? '')) return true;
  try {
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${parent}/status`, 'utf8'));
    return ignored !== null && (BigInt(`0x${ignored[1]}`) & SIGHUP_BIT) !== 0n;
  } catch {
    // The system is not Linux, or the parent process has exited.
    return false;
  }
}
