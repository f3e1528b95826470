/** Standard output as a Writable that a pipeline may end or destroy, and whose faults have exit codes. */
import { Writable } from 'node:stream';
import type { WritableOf } from '../typed-stream.js';
import { CommandError, systemProblem } from './command-error.js';
import { ExitCode } from './exit-code.js';

/**
 * A Writable over `stdout` that lets one chunk through at a time, so that a slow reader slows the command.
 * Ending or destroying it leaves `stdout` open. `onWritten` is told each chunk that the system has taken.
 *
 * Fails with a {@link CommandError}: 141 without a message when the reader has gone, 74 when writing fails.
 */
export function createOutput(
  stdout: Writable,
  onWritten: (chunk: Uint8Array | string) => void = () => {},
): WritableOf<Uint8Array | string> {
  const output = new Writable({
    decodeStrings: false,
    write(chunk: Uint8Array | string, _encoding, callback) {
      stdout.write(chunk, (error) => {
        if (!error) onWritten(chunk);
        callback(error ? outputError(error) : null);
      });
    },
    destroy(error, callback) {
      callback(error);
    },
  });
  // A failed write is told twice: to its callback and, unless somebody listens, as an uncaught exception.
  stdout.on('error', (error) => output.destroy(outputError(error)));
  return output;
}

/** Writes one text to `stdout`, with the same errors. */
export function print(stdout: Writable, text: string): Promise<void> {
  const output = createOutput(stdout);
  return new Promise((done, fail) => {
    output.once('error', fail);
    output.write(text, (error) => (error ? fail(error) : done()));
  });
}

function outputError(error: unknown): CommandError {
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') {
    return new CommandError(ExitCode.BrokenPipe, '', { cause: error });
  }
  return new CommandError(ExitCode.InputOutput, `cannot write to standard output: ${systemProblem(error)}`, {
    cause: error,
    hint: 'the input was not read any further',
  });
}
