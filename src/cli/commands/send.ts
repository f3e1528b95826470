/** `apns-streams send`: sends notifications from NDJSON and prints outcomes as NDJSON. */
import { createOutcomeCounts } from '../../core/outcome.js';
import { type Command, defineCommand } from '../args/command.js';
import { CONNECTION_OPTIONS } from '../args/connection-options.js';
import { usageError } from '../command-error.js';
import {
  readCredentials,
  readProviderToken,
  readProxy,
  withProviderKey,
} from '../credentials/credential-files.js';
import { ExitCode } from '../exit-code.js';
import { exitCodeOfEnding, exitCodeOfSignal } from '../exit-status.js';
import { findInputs } from '../input/input.js';
import type { CommandIo } from '../io.js';
import { formatError, formatMessage } from '../output/format-error.js';
import { openResumption } from '../resume/resume.js';
import {
  DEFAULT_STOP_TIMEOUT_MS,
  type DeliveryOptions,
  SEND_OPTIONS,
  type SendValues,
  toDeliveryOptions,
} from '../send/send-options.js';
import { Sending } from '../send/sending.js';
import { jsonSummaryOf, type ResumeFigures, type SendingResult, summaryOf } from '../send/summary.js';
import { type OpenDelivery, openDryRun, parseTarget, type SendTarget } from '../send/targets.js';
import { StopSignals } from '../stop-signals.js';

/** See `apns-streams send --help`. */
export const sendCommand: Command = defineCommand({
  name: 'send',
  summary: 'Send notifications (NDJSON) and print one outcome for each (NDJSON).',
  usage: '[FILE…] --to TARGET [OPTION…]',
  takesFiles: true,
  options: { ...SEND_OPTIONS, ...CONNECTION_OPTIONS },
  notes: [
    'Without FILE, or for the FILE -, standard input is read. With several files each outcome names its file.',
    'Exit code: 0 all accepted, 1 some rejected or invalid, 64 wrong usage, 69 cannot connect, 74 reading or writing failed, 75 some unknown or unsent (the summary says which to send again), 77 credentials refused, 78 bad configuration, 129/130/141/143 SIGHUP, SIGINT, broken pipe, SIGTERM. The first SIGINT, SIGTERM or SIGHUP stops reading and waits up to --stop-timeout-ms for outcomes; a second one stops at once.',
  ],
  examples: [
    'apns-streams send notifications.ndjson --to simulator:http2',
    'apns-streams send in.ndjson --to production --provider-key AuthKey_ABC123DEFG.p8 --key-id ABC123DEFG --team-id DEF123GHIJ --topic com.example.app',
    'apns-streams send --to binary://gateway.example.com --cert cert.pem --key key.pem < in.ndjson > out.ndjson',
    'apns-streams send a.ndjson b.ndjson --to binary://gateway.example.com --p12 push.p12 --passphrase-file secret',
    'apns-streams send in.ndjson --to production --credentials ./credentials --resume in.ledger >> out.ndjson',
    'apns-streams send a.ndjson --to binary://gateway.example.com --dry-run --outcomes problems',
  ],
  async run({ values, operands }, io) {
    const stopTimeoutMs = values['stop-timeout-ms'] ?? DEFAULT_STOP_TIMEOUT_MS;
    const stopSignals = new StopSignals(io, stopTimeoutMs);
    try {
      return await send(values, operands, io, stopSignals);
    } catch (error) {
      // A signal interrupted the identification of the input, before anything was sent.
      if (stopSignals.signal === undefined || !isAbort(error)) throw error;
      return exitCodeOfSignal(stopSignals.signal);
    } finally {
      stopSignals.dispose();
    }
  },
});

/** The result if earlier runs settled every line. */
const NOTHING: SendingResult = {
  counts: createOutcomeCounts(),
  valid: undefined,
  rejectedForNow: 0,
  refusedForSettings: 0,
  openUnknown: 0,
  reasons: [],
  elapsedMs: 0,
  stoppedAfter: undefined,
  unwritten: 0,
};

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

async function send(
  given: SendValues,
  operands: readonly string[],
  io: CommandIo,
  stopSignals: StopSignals,
): Promise<number> {
  if (given.to === undefined) throw usageError('--to is missing', `--to TARGET: ${SEND_OPTIONS.to.help}`);
  const target = parseTarget(given.to);
  const inputs = await findInputs(operands, io);
  const values = await withProviderKey(given);
  const providerToken = await readProviderToken(values, io);
  const tls = await readCredentials(values, io);
  const proxy = await readProxy(values, io);
  const resumption = await openResumption(values, inputs, io, stopSignals.first);
  if (resumption !== undefined && !values.quiet) io.stderr.write(`apns-streams: ${resumption.note}\n`);
  if (resumption?.warning !== undefined) {
    io.stderr.write(`apns-streams: warning: ${resumption.warning}\n`);
  }
  if (resumption !== undefined && resumption.log === undefined) {
    if (values['json-summary'])
      io.stderr.write(
        jsonSummaryOf(NOTHING, { exitCode: ExitCode.Ok, errors: [], resume: resumption.figures }),
      );
    return ExitCode.Ok;
  }
  const refused = new AbortController();
  const delivery = await openDelivery(target, values, {
    ...toDeliveryOptions(values),
    tls,
    ...(providerToken === undefined ? {} : { providerToken }),
    ...(proxy === undefined ? {} : { proxy }),
    signal: AbortSignal.any([stopSignals.second, refused.signal]),
  }).catch((error) => {
    resumption?.log?.close(false);
    throw error;
  });
  const read = resumption === undefined ? inputs : [resumption.input];
  const sending = new Sending(delivery.stream, read, io, {
    values,
    log: resumption?.log,
    ...(values['dry-run'] ? {} : { wire: target.wire }),
    abort: () => refused.abort(),
    stopAtOnce: stopSignals.second,
    stopTimeoutMs: values['stop-timeout-ms'] ?? DEFAULT_STOP_TIMEOUT_MS,
  });
  let errors: readonly unknown[];
  try {
    errors = await sending.run(stopSignals.first);
  } finally {
    await delivery.close();
  }
  const { result } = sending;
  const exitCode = exitCodeOfEnding({ signal: stopSignals.signal, errors, counts: result.counts });
  report(result, { values, io, errors, exitCode, resume: resumption?.figures });
  return exitCode;
}

async function openDelivery(
  target: SendTarget,
  values: SendValues,
  options: DeliveryOptions,
): Promise<OpenDelivery> {
  return values['dry-run'] ? openDryRun(target, options) : target.open(options);
}

interface Ending {
  readonly values: SendValues;
  readonly io: CommandIo;
  readonly errors: readonly unknown[];
  readonly exitCode: number;
  readonly resume: ResumeFigures | undefined;
}

function report(result: SendingResult, { values, io, errors, exitCode, resume }: Ending): void {
  for (const error of errors) io.stderr.write(formatError(error));
  if (!values.quiet) io.stderr.write(summaryOf(result, resume));
  if (!values['json-summary']) return;
  io.stderr.write(jsonSummaryOf(result, { exitCode, errors: errors.map(formatMessage), resume }));
}
