/** Whether this process was started to survive SIGHUP, as `nohup` and `trap '' HUP` have it. */
import { readFileSync } from 'node:fs';

const SIGHUP_BIT = 1n;

/**
 * Node gives every signal that was ignored its default effect back before any JavaScript runs, so this process cannot
 * ask for its own. Bash names the program that it starts in `_`; and a signal that the parent ignores was ignored when it
 * started this process. Where neither is known, the answer is no.
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
    // Not Linux, or the parent is over.
    return false;
  }
}
