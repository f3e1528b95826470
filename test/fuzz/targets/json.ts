/** One JSON text: the scanner, and the parser of one line, held to what `JSON.parse` says. */
import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { InvalidNotificationError } from '../../../src/core/errors.js';
import { checkNotification, type Notification } from '../../../src/core/notification.js';
import { JsonScanner } from '../../../src/protocol/json/json-scanner.js';
import { NotificationLineParser } from '../../../src/protocol/json/notification-line.js';
import { LineStringifier } from '../../../src/protocol/json/stringify-line.js';
import { decodeWhole, type FuzzTarget, thrownBy } from '../fuzz-target.js';
import { jsonText, notificationText } from './json-text.js';

/** One byte for each level that may be open, and the object around them. */
const MAX_HELD_BYTES = 16 * 1024;

export const JSON_DICTIONARY: readonly (Buffer | string)[] = [
  ...['{', '}', '[', ']', '"', ':', ',', '\\', '\\u', '\\ud800', '\0', '\r', '\n', '\u2028', '\ufeff', 'é'],
  ...['null', 'true', '1e400', '-', '.5', 'E+', '00', '"payload":', '"deviceToken"', '"__proto__":1,'],
  Buffer.from([0xff]),
  Buffer.from([0xc0, 0x80]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf4, 0x90, 0x80, 0x80]),
];

const NESTED = '[{"a":'.repeat(2048);

const scanner = new JsonScanner();

const JSON_SCANNER: FuzzTarget = {
  name: 'json-scanner',
  about: 'JSON text: takes exactly what JSON.parse takes',
  golden: [
    ...['{}', ' [1,-0.5e3,"\\u00e9\\n",{"a":{}},[],true,false,null] ', '"é😀\u2028"', '0'],
    `${NESTED}0${'}]'.repeat(2048)}`,
  ].map((text) => Buffer.from(text)),
  maxHeldBytes: MAX_HELD_BYTES,
  dictionary: JSON_DICTIONARY,
  whole: true,
  generate: (random) => Buffer.from(jsonText(random)),
  open: (tell) => {
    const own = new JsonScanner();
    return decodeWhole((input) => tell(String(own.accepts(input, 0, input.length))));
  },
  law(input) {
    if (!isUtf8(input)) return undefined;
    const accepted = scanner.accepts(input, 0, input.length);
    if (!accepted && (scanner.failedAt < 0 || scanner.failedAt > input.length))
      return 'fails outside of its text';
    if (!accepted && scanner.failure === 'depth') return undefined;
    const parsed = parse(input);
    return accepted === (parsed !== undefined) ? undefined : `${accepted ? 'takes' : 'refuses'} it`;
  },
};

const parsers = { raw: new NotificationLineParser('raw'), parsed: new NotificationLineParser('parsed') };
const stringifier = new LineStringifier();

const NOTIFICATION_LINES: FuzzTarget = {
  name: 'notification-lines',
  about: 'one NDJSON line, both payload modes: as JSON.parse and the rules of a notification have it',
  golden: [
    `{"deviceToken":"${'ab'.repeat(32)}","payload":{"aps":{"alert":"é😀"}}}`,
    '{"payload":"{}","deviceToken":"AB","identifier":4294967295,"expiration":0,"priority":5,"topic":"t","pushType":"alert","collapseId":"c","apnsId":"0f7e9b6a-3c1d-4e5f-8a9b-0c1d2e3f4a5b","context":[1,{"a":null}]}',
    ' { "channelId" : "dHN0" , "payload" : { } , "context" : 1e400 } ',
    '{"deviceToken":"\\u0061b","pay\\u006coad":{"a":9007199254740993}}',
  ].map((text) => Buffer.from(text)),
  maxHeldBytes: MAX_HELD_BYTES,
  dictionary: JSON_DICTIONARY,
  whole: true,
  generate: (random) => Buffer.from(notificationText(random)),
  open: (tell) => {
    const parser = new NotificationLineParser('raw');
    return decodeWhole((input) => {
      // Whoever cuts lines has made sure of it.
      if (!isUtf8(input)) return;
      const parsed = parser.parse(input, 0, input.length, 1, 0);
      if (parsed instanceof InvalidNotificationError) throw parsed;
      tell(Object.keys(parsed).join());
    });
  },
  law: (input) => (isUtf8(input) ? lineProblem(input) : undefined),
};

export const JSON_TARGETS: readonly FuzzTarget[] = [JSON_SCANNER, NOTIFICATION_LINES];

function lineProblem(input: Buffer): string | undefined {
  const parsed = parse(input);
  const value = parsed?.value as Notification | undefined;
  const rule = parsed && (thrownBy(() => checkNotification(value as Notification)) as Error | undefined);
  for (const mode of ['raw', 'parsed'] as const) {
    const result = parsers[mode].parse(input, 0, input.length, 1, 0);
    const error = result instanceof InvalidNotificationError ? result : undefined;
    const problem = error?.problem;
    if (problem === 'is given twice' || problem?.startsWith('nested too deeply')) continue;
    if (parsed === undefined) {
      if (error === undefined) return `${mode}: takes what is no JSON`;
      if (error.field !== undefined) return `${mode}: names a field of what is no JSON`;
      continue;
    }
    if ((error === undefined) !== (rule === undefined)) {
      return `${mode}: ${problem ?? 'nothing'} instead of ${rule?.message ?? 'nothing'}`;
    }
    if (result instanceof InvalidNotificationError) continue;
    const different = difference(mode, result, value as Notification);
    if (different !== undefined) return different;
  }
  return undefined;
}

function difference(mode: string, notification: Notification, value: Notification): string | undefined {
  const { payload } = notification;
  const whole = Buffer.isBuffer(payload)
    ? { ...notification, payload: JSON.parse(payload.toString()) }
    : notification;
  if (!isDeepStrictEqual(whole, value)) return `${mode}: another value than that of JSON.parse`;
  // Infinity, which JSON cannot write, and lone surrogates are only safe where the bytes are kept.
  const line = stringifier.stringify(notification);
  const again = parsers.raw.parse(Buffer.from(line), 0, Buffer.byteLength(line) - 1, 1, 0);
  const text = (given: Notification | InvalidNotificationError): string =>
    String('payload' in given && given.payload);
  return mode === 'parsed' || text(again) === text(notification)
    ? undefined
    : `${mode}: written as a line and read, its payload is another one`;
}

function parse(input: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(input.toString()) };
  } catch {
    return undefined;
  }
}
