/** Defines the options of `send`, and converts them to options of a delivery. */
import { MAX_TIMER_MS } from '../../core/options.js';
import type { BinaryOptions } from '../../engine/binary/options.js';
import type { Http2Options } from '../../engine/http2/options.js';
import type { OptionValues } from '../args/arguments.js';
import type { ConnectionValues } from '../args/connection-options.js';

/** The maximum number of failed attempts in a row. They take some seconds: enough for a restart of the gateway. */
const DEFAULT_CONNECT_ATTEMPTS = 7;

/** This is less than the 10 s after which `docker stop` kills the process. */
export const DEFAULT_STOP_TIMEOUT_MS = 8000;

/** The options of `send`, in addition to those of every command that connects. */
export const SEND_OPTIONS = {
  to: {
    kind: 'text',
    value: 'TARGET',
    help: 'Where to send to: production or sandbox (Apple), https://HOST[:PORT] (HTTP/2, port 443 unless given), binary://HOST[:PORT] (port 2195 unless given), simulator:http2 or simulator:binary (the embedded simulator, started for this run).',
  },
  'provider-key': {
    kind: 'text',
    value: 'FILE',
    help: 'The .p8 key that signs provider tokens. It replaces a client certificate (HTTP/2).',
    contents: 'the key',
  },
  'key-id': {
    kind: 'text',
    value: 'ID',
    help: 'The id of --provider-key, 10 letters and digits (the ID in the file name AuthKey_ID.p8).',
  },
  'team-id': { kind: 'text', value: 'ID', help: 'The id of the developer team, 10 letters and digits.' },
  auth: {
    kind: 'choice',
    choices: ['certificate', 'token'],
    help: 'What to take from --credentials: the client certificate (the default), or with token the provider key, its ids and the topic (HTTP/2).',
  },
  topic: {
    kind: 'text',
    value: 'ID',
    help: "The app's bundle identifier, for notifications without a topic (HTTP/2); the embedded simulator also uses it.",
  },
  'connect-attempts': {
    kind: 'integer',
    value: 'N',
    help: 'Give up after this many failed connection attempts in a row (7).',
    max: 1000,
  },
  connections: { kind: 'integer', value: 'N', help: 'The number of parallel connections (1).', max: 1024 },
  'window-count': {
    kind: 'integer',
    value: 'N',
    help: 'The maximum number of notifications in flight (65536).',
  },
  'window-bytes': { kind: 'integer', value: 'N', help: 'The maximum number of bytes in flight (33554432).' },
  'window-age-ms': {
    kind: 'integer',
    value: 'MS',
    help: 'Write a checkpoint to a binary gateway when a notification has been unconfirmed for this long (60000).',
    max: MAX_TIMER_MS as number,
  },
  checkpoint: {
    kind: 'choice',
    choices: ['auto', 'end', 'never'],
    help: 'When to write checkpoints to a binary gateway (auto). With end or never, notifications without an error response become presumed; end proves the last ones.',
  },
  'on-unknown': {
    kind: 'choice',
    choices: ['report', 'resend'],
    help: 'What to do with notifications whose connection closed before their outcome was known (report). resend may deliver them twice.',
  },
  'timeout-ms': {
    kind: 'integer',
    value: 'MS',
    help: 'The time limit for each notification, retries included (60000).',
    max: MAX_TIMER_MS as number,
  },
  'stop-timeout-ms': {
    kind: 'integer',
    value: 'MS',
    help: 'How long to wait for outcomes after the first signal (8000). The remaining notifications are then unsent or unknown. 0 stops at once.',
    min: 0,
    max: MAX_TIMER_MS as number,
  },
  'max-line-bytes': {
    kind: 'integer',
    value: 'N',
    help: 'The maximum length of an input line. A longer line is invalid.',
  },
  outcomes: {
    kind: 'choice',
    choices: ['all', 'problems', 'none'],
    help: 'Which outcomes to print on standard output (all).',
  },
  'redact-tokens': {
    kind: 'flag',
    help: 'Shorten device tokens in outcomes to 8 digits, so that you can share them; line identifies each notification.',
  },
  resume: {
    kind: 'text',
    value: 'LEDGER',
    help: 'Record settled lines in this file, and skip the lines that it already records. After a kill, run the same command again; after refused credentials or options, run the corrected command.',
  },
  'resume-sync': {
    kind: 'flag',
    help: 'Make --resume survive a power loss: sync LEDGER and outcomes (in a file) to the disk before sending continues. This is slower.',
  },
  'dry-run': { kind: 'flag', help: 'Check and encode every notification, but do not connect.' },
  'json-summary': {
    kind: 'flag',
    help: 'Print the summary as one line of JSON at the end of standard error.',
  },
  quiet: { kind: 'flag', help: 'Do not print progress and summary. Errors are still printed.' },
} as const;

/** The values of all options of `send`. */
export type SendValues = OptionValues<typeof SEND_OPTIONS> & ConnectionValues;

/** The options of a delivery over either protocol, without its target. Each protocol uses its own subset. */
export type DeliveryOptions = Pick<Http2Options, 'providerToken' | 'topic'> &
  Omit<BinaryOptions, 'environment' | 'host' | 'port'>;

/** The options of a delivery, without its credentials. */
export function toDeliveryOptions(values: SendValues): DeliveryOptions {
  const window = pick({
    count: values['window-count'],
    bytes: values['window-bytes'],
    ageMs: values['window-age-ms'],
  });
  return {
    ...pick({
      connections: values.connections,
      onUnknown: values['on-unknown'],
      checkpoint: values.checkpoint,
      timeoutMs: values['timeout-ms'],
      connectTimeoutMs: values['connect-timeout-ms'],
      topic: values.topic,
    }),
    window,
    backoff: { attempts: (values['connect-attempts'] ?? DEFAULT_CONNECT_ATTEMPTS) - 1 },
  };
}

type Given<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

/** Removes properties that are `undefined`, because the library does not accept them. */
function pick<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;
}
