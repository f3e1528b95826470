/** `apns-streams lint`: NDJSON in, what is wrong with it as NDJSON out. */
import { once } from 'node:events';
import { createNdjsonStringifier } from '../../transforms/ndjson-stringifier.js';
import type { OptionValues } from '../args/arguments.js';
import { type Command, defineCommand } from '../args/command.js';
import { usageError } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import { exitCodeOfSignal } from '../exit-status.js';
import { findInputs } from '../input/input.js';
import { NotificationReader } from '../input/notification-reader.js';
import { counted } from '../output/format-number.js';
import { createOutput } from '../output/output.js';
import { runPipeline } from '../output/run-pipeline.js';
import { runUntilSignal } from '../send/stop-signals.js';
import { createBinaryLint, createHttp2Lint, type Lint, Linter } from './linter.js';

const OPTIONS = {
  wire: {
    kind: 'choice',
    choices: ['http2', 'binary'],
    help: 'How the notifications will be sent (http2). On the binary wire only what makes no frame is found.',
  },
  auth: {
    kind: 'choice',
    choices: ['token', 'certificate'],
    help: 'What will speak for the provider on HTTP/2: a provider token (the default) or a client certificate.',
  },
  topic: { kind: 'text', value: 'ID', help: 'The topic of notifications that name none.' },
  strict: { kind: 'flag', help: 'Exit with 1 for warnings too.' },
  quiet: { kind: 'flag', help: 'No summary on standard error.' },
  'max-line-bytes': { kind: 'integer', value: 'N', help: 'A longer input line is invalid.' },
} as const;

/** See `apns-streams lint --help`. */
export const lintCommand: Command = defineCommand({
  name: 'lint',
  summary: 'Check notifications (NDJSON) by the rules of APNs and print what breaks them (NDJSON).',
  usage: '[FILE…] [OPTION…]',
  takesFiles: true,
  options: OPTIONS,
  notes: [
    'An error is what APNs would refuse. A warning is what it would accept and most likely was not meant. Every finding names its rule and where the rule is written down.',
    'Exit code: 0 without errors, 1 with errors, or with --strict with warnings; all others as for send.',
  ],
  examples: [
    'apns-streams lint notifications.ndjson --topic com.example.app',
    'apns-streams lint --auth certificate --strict < notifications.ndjson',
    'apns-streams lint notifications.ndjson --wire binary',
  ],
  async run({ values, operands }, io) {
    const linter = new Linter(lintOf(values));
    const feed = new NotificationReader({
      inputs: await findInputs(operands, io),
      maxLineBytes: values['max-line-bytes'],
      into: linter,
      onInvalid: (error, file) => linter.writeInvalid(error, file),
      drained: (signal) => (linter.writableNeedDrain ? once(linter, 'drain', { signal }) : undefined),
    });
    const signal = await runUntilSignal(io, (stop) =>
      runPipeline(
        [linter, createNdjsonStringifier(), createOutput(io.stdout)],
        (ended) => feed.run(ended),
        stop,
      ),
    );
    const { lines, errors, warnings } = linter;
    if (!values.quiet) {
      io.stderr.write(
        `${counted(lines, 'notification')}: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}\n`,
      );
    }
    if (signal !== undefined) return exitCodeOfSignal(signal);
    return errors > 0 || (values.strict && warnings > 0) ? ExitCode.Problems : ExitCode.Ok;
  },
});

function lintOf({ wire, auth, topic }: OptionValues<typeof OPTIONS>): Lint {
  if (wire !== 'binary') return createHttp2Lint({ auth: auth ?? 'token', defaultTopic: topic });
  for (const [name, value] of Object.entries({ auth, topic })) {
    if (value !== undefined)
      throw usageError(`--${name} does not go with --wire binary, which knows nothing of it`);
  }
  return createBinaryLint();
}
