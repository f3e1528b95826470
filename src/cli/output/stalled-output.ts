/** Stops waiting for a reader of standard output that no longer reads, so that the process can exit. */
import type { Writable } from 'node:stream';
import { CommandError } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import type { Clock } from '../io.js';
import { seconds } from './format-number.js';

/** With the default of --stop-timeout-ms added, this is less than the 10 s after which `docker stop` kills. */
const STALLED_MS = 1000;

/** Destroys `output`, exit code 74, when a chunk is pending and `written` has not grown for {@link STALLED_MS}. */
export function leaveStalledOutput(output: Writable, written: () => number, clock: Clock): void {
  let before = written();
  const cancel = clock.every(STALLED_MS, () => {
    const now = written();
    if (now === before && output.writableLength > 0) output.destroy(stalledError());
    before = now;
  });
  output.once('close', cancel);
  if (output.destroyed) cancel();
}

function stalledError(): CommandError {
  return new CommandError(
    ExitCode.InputOutput,
    `the reader of standard output has read nothing for ${seconds(STALLED_MS)}, so the command did not write the rest`,
  );
}
