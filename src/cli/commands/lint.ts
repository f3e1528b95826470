/** `apns-streams lint`: checks NDJSON and prints the findings as NDJSON. */
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
import { runUntilSignal } from '../stop-signals.js';
import { createBinaryLint, createHttp2Lint, type Lint, Linter } from './linter.js';

const OPTIONS = {
  wire: {
    kind: 'choice',
    choices: ['http2', 'binary'],
    help: 'The protocol that will be used (http2). With binary, lint reports only notifications that cannot be encoded as a frame.',
  },
  auth: {
    kind: 'choice',
    choices: ['token', 'certificate'],
    help: 'How the provider will authenticate over HTTP/2: with a provider token (the default) or a client certificate.',
  },
  topic: { kind: 'text', value: 'ID', help: 'The default topic, for notifications without one.' },
  strict: { kind: 'flag', help: 'Exit with 1 for warnings too.' },
  quiet: { kind: 'flag', help: 'Do not print the summary on standard error.' },
  'max-line-bytes': {
    kind: 'integer',
    value: 'N',
    help: 'The maximum length of an input line. A longer line is invalid.',
  },
} as const;

/** See `apns-streams lint --help`. */
export const lintCommand: Command = defineCommand({
  name: 'lint',
  summary: 'Check notifications (NDJSON) against the rules of APNs and print every finding (NDJSON).',
  usage: '[FILE…] [OPTION…]',
  takesFiles: true,
  options: OPTIONS,
  notes: [
    'An error is a notification that APNs would reject. A warning is one that APNs would accept, but that is probably a mistake. Every finding names its rule and the source of the rule.',
    'Exit code: 0 without errors, 1 with errors (with --strict also with warnings); all others as for send.',
  ],
  examples: [
    'apns-streams lint notifications.ndjson --topic com.example.app',
    'apns-streams lint --auth certificate --strict < notifications.ndjson',
    'apns-streams lint notifications.ndjson --wire binary',
  ],
  async run({ values, operands }, io) {
    const linter = new Linter(lintOf(values));
    const reader = new NotificationReader({
      inputs: await findInputs(operands, io),
      maxLineBytes: values['max-line-bytes'],
      into: linter,
      onInvalid: (error, file) => linter.writeInvalid(error, file),
      drained: (signal) => (linter.writableNeedDrain ? once(linter, 'drain', { signal }) : undefined),
    });
    const signal = await runUntilSignal(io, (stop) =>
      runPipeline(
        [linter, createNdjsonStringifier(), createOutput(io.stdout)],
        (ended) => reader.run(ended),
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
      throw usageError(`--${name} cannot be combined with --wire binary, because it applies to HTTP/2 only`);
  }
  return createBinaryLint();
}
