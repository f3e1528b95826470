/** `apns-streams encode`: converts NDJSON to frames of the binary provider protocol. */
import type { InvalidNotificationError } from '../../core/errors.js';
import type { FrameCommand } from '../../protocol/binary/frame.js';
import { createFrameEncoder } from '../../transforms/frame-encoder.js';
import { type Command, defineCommand } from '../args/command.js';
import { usageError } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import { exitCodeOfSignal } from '../exit-status.js';
import { findInputs } from '../input/input.js';
import { fileOf } from '../input/notification-file.js';
import { NotificationReader } from '../input/notification-reader.js';
import { createOutput } from '../output/output.js';
import { FRAMES } from '../output/output-records.js';
import { runPipeline } from '../output/run-pipeline.js';
import { unescaped } from '../output/safe-output.js';
import { runUntilSignal } from '../stop-signals.js';
import { createHexEncoder } from './hex.js';

/** See `apns-streams encode --help`. */
export const encodeCommand: Command = defineCommand({
  name: 'encode',
  summary: 'Turn notifications (NDJSON) into frames of the binary provider protocol.',
  usage: '[FILE…] [OPTION…]',
  takesFiles: true,
  options: {
    command: {
      kind: 'choice',
      choices: ['2', '1', '0'],
      help: 'The form of the frames: 2 (the default), 1 without priority, 0 also without identifier and expiration.',
    },
    hex: { kind: 'flag', help: 'One frame per line, as hex digits.' },
    force: { kind: 'flag', help: 'Write binary output even to a terminal.' },
    'max-line-bytes': {
      kind: 'integer',
      value: 'N',
      help: 'The maximum length of an input line. A longer line is invalid.',
    },
  },
  notes: [
    'Lines without a valid notification are reported on standard error and skipped; the exit code is then 1.',
  ],
  examples: [
    'apns-streams encode notifications.ndjson > notifications.frames',
    'apns-streams encode --hex < notifications.ndjson',
    'apns-streams encode notifications.ndjson | apns-streams decode',
  ],
  async run({ values, operands }, io) {
    if (io.stdout.isTTY === true && !values.hex && !values.force) {
      throw usageError(
        'frames are binary, and standard output is a terminal',
        'add --hex to print them as text, redirect the output, or add --force',
      );
    }
    const inputs = await findInputs(operands, io);
    let problems = 0;
    const onInvalid = (error: InvalidNotificationError, file = fileOf(error.notification)): void => {
      problems++;
      io.stderr.write(`apns-streams: ${file === undefined ? '' : `${file}: `}${error.message}\n`);
    };
    const encoder = createFrameEncoder({ command: Number(values.command ?? 2) as FrameCommand, onInvalid });
    const reader = new NotificationReader({
      inputs,
      maxLineBytes: values['max-line-bytes'],
      into: encoder,
      onInvalid,
    });
    const signal = await runUntilSignal(io, (stop) =>
      runPipeline(
        [
          encoder,
          ...(values.hex ? [createHexEncoder()] : []),
          createOutput(
            values.force ? unescaped(io.stdout) : io.stdout,
            values.hex ? {} : { records: FRAMES },
          ),
        ],
        (ended) => reader.run(ended),
        stop,
      ),
    );
    if (signal !== undefined) return exitCodeOfSignal(signal);
    return problems > 0 ? ExitCode.Problems : ExitCode.Ok;
  },
});
