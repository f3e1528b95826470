/** Finds out when a local process was started, because the system reuses process ids. */
import { readFileSync } from 'node:fs';

/**
 * A text that no other process with this number ever had: the boot, and the time since then. An empty one when
 * there is no such process, or only what is left of a killed one until its parent looks; `undefined` where the
 * system does not say, which is anywhere but on Linux.
 */
export function processStart(pid: number): string | undefined {
  let boot: string;
  try {
    boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
  try {
    // proc(5): the second field is a name in parentheses, which may hold any character.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' ? '' : `${boot} ${startTime}`;
  } catch {
    return '';
  }
}
