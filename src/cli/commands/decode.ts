/** `apns-streams decode`: converts packets of the binary provider protocol to NDJSON. */
import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import { PassThrough, type Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createErrorResponseDecoder } from '../../transforms/error-response-decoder.js';
import { createFeedbackDecoder } from '../../transforms/feedback-decoder.js';
import { createFrameDecoder } from '../../transforms/frame-decoder.js';
import { createNdjsonStringifier } from '../../transforms/ndjson-stringifier.js';
import { type Command, defineCommand } from '../args/command.js';
import { usageError } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import { exitCodeOfSignal } from '../exit-status.js';
import { findInputs, type Input, readInput } from '../input/input.js';
import { createOutput } from '../output/output.js';
import { runPipeline } from '../output/run-pipeline.js';
import { runUntilSignal } from '../stop-signals.js';
import { createHexDecoder } from './hex.js';

/** See `apns-streams decode --help`. */
export const decodeCommand: Command = defineCommand({
  name: 'decode',
  summary: 'Turn frames, error responses or feedback tuples into NDJSON.',
  usage: '[FILE…] [OPTION…]',
  takesFiles: true,
  options: {
    'error-responses': { kind: 'flag', help: 'The input is the error responses of a gateway, not frames.' },
    feedback: { kind: 'flag', help: 'The input is the tuples of a feedback service, not frames.' },
    hex: { kind: 'flag', help: 'The input is hex digits; white space between them does not matter.' },
  },
  notes: [
    'The first byte of a frame identifies its command. Frames without a device token or a payload are reported on standard error and skipped; the exit code is then 1, as it is for bytes that are not a packet.',
  ],
  examples: [
    'apns-streams decode notifications.frames',
    'echo 08 08 00 00 00 07 | apns-streams decode --error-responses --hex',
    'apns-streams decode --feedback captured.bin',
  ],
  async run({ values, operands }, io) {
    if (values['error-responses'] && values.feedback) {
      throw usageError('--error-responses and --feedback exclude each other');
    }
    const inputs = await findInputs(operands, io);
    let problems = 0;
    const report = (file: string, message: string): void => {
      problems++;
      io.stderr.write(`apns-streams: ${inputs.length > 1 ? `${file}: ` : ''}${message}\n`);
    };
    const createDecoder = (file: string): Transform => {
      if (values['error-responses']) return createErrorResponseDecoder();
      if (values.feedback) return createFeedbackDecoder();
      return createFrameDecoder({ onInvalid: (error) => report(file, error.message) });
    };
    const lines = createNdjsonStringifier();
    const signal = await runUntilSignal(io, (stop) =>
      runPipeline(
        [lines, createOutput(io.stdout)],
        async (ended) => {
          for (const input of inputs) {
            const onPacket = (packet: { readonly payload?: unknown }): void => {
              const { payload } = packet;
              if (payload instanceof Uint8Array && !isUtf8(payload)) {
                report(input.name, 'payload is not valid UTF-8, so JSON cannot represent it');
              } else lines.write(packet);
            };
            // A pipeline into `lines` would lose packets that precede an invalid one in the same chunk.
            const decoder = createDecoder(input.name).on('data', onPacket);
            await readInto(decoder, input, values.hex, lines, ended);
          }
        },
        stop,
      ),
    );
    if (signal !== undefined) return exitCodeOfSignal(signal);
    return problems > 0 ? ExitCode.Problems : ExitCode.Ok;
  },
});

/** Reads an input through a decoder that flows, at the pace of `lines`. */
async function readInto(
  decoder: Transform,
  input: Input,
  isHex: boolean,
  lines: Writable,
  signal: AbortSignal,
): Promise<void> {
  async function* paced(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      if (lines.writableNeedDrain) await once(lines, 'drain', { signal });
      yield chunk;
    }
  }
  const bytes = isHex ? createHexDecoder() : new PassThrough();
  await readInput(input, (source) => pipeline(source, bytes, paced, decoder, { signal }));
}
