/** Wraps standard output in a Writable that a pipeline may end or destroy, and whose errors have exit codes. */
import { fstatSync } from 'node:fs';
import { Writable } from 'node:stream';
import type { WritableOf } from '../../core/typed-stream.js';
import { CommandError, systemProblem } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import type { CommandIo } from '../io.js';
import { counted } from './format-number.js';
import { OutputFile } from './output-file.js';
import { LINES, type RecordFormat } from './output-records.js';

/** Options of {@link createOutput}. */
export interface OutputOptions {
  /** The records that must be written completely. @default lines */
  readonly records?: RecordFormat;
  /** Receives, after each write, how many records it has written to their last byte. */
  onWritten?(records: number): void;
  /** The advice when the disk is full. @default to free some space and to run the command again */
  readonly advice?: string;
}

type Stdout = CommandIo['stdout'];

const ADVICE = 'free some space, then run the command again';

/**
 * A Writable over `stdout` that lets one chunk through at a time, so that a slow reader slows the command.
 * Ending or destroying it leaves `stdout` open.
 *
 * Pipes, sockets and terminals are written as streams, which wait until there is room. All other outputs are written
 * through their file descriptor, because Node's file stream treats a partial write as a complete one.
 *
 * Fails with a {@link CommandError}: 141 without a message when the reader has gone, 74 when writing fails.
 */
export function createOutput(stdout: Stdout, options: OutputOptions = {}): WritableOf<Uint8Array | string> {
  const file = fileDescriptorOf(stdout);
  return file === undefined ? createStreamOutput(stdout, options) : createFileOutput(file, options);
}

/** Writes one text to `stdout`, with the same errors. */
export function print(stdout: Stdout, text: string): Promise<void> {
  const output = createOutput(stdout);
  return new Promise((done, fail) => {
    output.once('error', fail);
    output.write(text, (error) => (error ? fail(error) : done()));
  });
}

/** The file descriptor of an output that is neither a pipe, nor a socket, nor a terminal. */
export function fileDescriptorOf({ fd, isTTY }: Stdout): number | undefined {
  if (typeof fd !== 'number' || isTTY === true) return undefined;
  const found = fstatSync(fd);
  return found.isFIFO() || found.isSocket() ? undefined : fd;
}

function createFileOutput(
  fd: number,
  { records = LINES, onWritten, advice = ADVICE }: OutputOptions,
): Writable {
  const file = new OutputFile(fd, records);
  let written = 0;
  return new Writable({
    decodeStrings: false,
    write(chunk: Uint8Array | string, _encoding, callback) {
      const { wholeRecords, error, isCutOff } = file.write(asBuffer(chunk));
      written += wholeRecords;
      if (wholeRecords > 0) onWritten?.(wholeRecords);
      if (error === undefined) {
        callback();
        return;
      }
      const what = counted(written, records.noun);
      const rest = isCutOff ? `, and a partial one at the end of the file: remove it` : '';
      callback(outputError(error, `this run has written ${what} completely${rest}; ${advice}`));
    },
  });
}

function createStreamOutput(stdout: Stdout, { records = LINES, onWritten }: OutputOptions): Writable {
  const output = new Writable({
    decodeStrings: false,
    write(chunk: Uint8Array | string, _encoding, callback) {
      stdout.write(chunk, (error) => {
        if (!error) onWritten?.(records.measure(asBuffer(chunk)).count);
        callback(error ? outputError(error, 'the command stopped reading the input') : null);
      });
    },
  });
  // Node reports a failed write to its callback, and also as an uncaught exception unless there is a listener.
  stdout.on('error', (error) => output.destroy(outputError(error, 'the command stopped reading the input')));
  return output;
}

function asBuffer(chunk: Uint8Array | string): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function outputError(error: unknown, hint: string): CommandError {
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') {
    return new CommandError(ExitCode.BrokenPipe, '', { cause: error });
  }
  return new CommandError(ExitCode.InputOutput, `cannot write to standard output: ${systemProblem(error)}`, {
    cause: error,
    hint,
  });
}
