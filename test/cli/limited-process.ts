/** The built command under a limit for files, which stands in for a full disk: writing past it fails with EFBIG. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface LimitedRun {
  /** Files end here; a multiple of 1024. Absent: no limit. */
  readonly maxFileBytes?: number;
  /** The file that standard output is appended to. Absent: a pipe. */
  readonly out?: string;
}

export interface LimitedResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A shell script that sets the limit, in bytes, of its first argument and becomes the command of the others. */
// The unit of `ulimit -f` is 512 bytes in some shells and 1024 in others.
export const LIMIT = `
  unit=512; [ -z "$BASH_VERSION" ] || unit=1024
  [ "$1" = 0 ] || ulimit -f $(($1 / unit))
  shift`;

/** Runs the command to its end. */
export function runLimited(
  argv: readonly string[],
  { maxFileBytes = 0, out = '' }: LimitedRun = {},
): LimitedResult {
  const script = `out=$1; shift; ${LIMIT}
    if [ -n "$out" ]; then exec "$@" >> "$out"; else exec "$@"; fi`;
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['-c', script, 'sh', out, String(maxFileBytes), process.execPath, MAIN, ...argv],
    { encoding: 'utf8', maxBuffer: 1e8 },
  );
  return { code: status, out: stdout, err: stderr };
}
