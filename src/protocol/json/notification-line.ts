/** Parses one NDJSON line as bytes into a notification. */
import { describe, InvalidNotificationError } from '../../core/errors.js';
import {
  CHANNEL_AND_TOKEN,
  NOTIFICATION_FIELDS,
  type Notification,
  unknownFieldProblem,
} from '../../core/notification.js';
import {
  apnsIdProblem,
  channelIdProblem,
  collapseIdProblem,
  deviceTokenProblem,
  expirationProblem,
  headerTextProblem,
  identifierProblem,
  MAX_DEVICE_TOKEN_BYTES,
  payloadProblem,
  priorityProblem,
} from '../../core/notification-rules.js';
import { redactName } from '../../core/redact.js';
import { setParsed } from '../../core/source-line.js';
import { jsonProblem } from './json-problem.js';
import { endOfHexDigits, JsonScanner, skipSpace } from './json-scanner.js';

/** How a parsed notification carries its payload: as the parsed object, or as a view of its bytes. */
export type PayloadMode = 'parsed' | 'raw';

const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const [
  DEVICE_TOKEN,
  PAYLOAD,
  IDENTIFIER,
  EXPIRATION,
  PRIORITY,
  TOPIC,
  PUSH_TYPE,
  COLLAPSE_ID,
  APNS_ID,
  CONTEXT,
  CHANNEL_ID,
] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const;
const REQUIRED = (1 << DEVICE_TOKEN) | (1 << PAYLOAD);
const UNKNOWN = -1;

const NAMES = NOTIFICATION_FIELDS.map((name) => Buffer.from(name));

/** No two names share both their length and their last letter, so these two choose the one to compare with. */
const BY_LENGTH_AND_LAST = new Int8Array(16 * 32).fill(UNKNOWN);
for (const [field, name] of NAMES.entries()) BY_LENGTH_AND_LAST[slot(name, 0, name.length)] = field;

/**
 * Parses lines, one after the other, that are valid UTF-8.
 *
 * Every rule of {@link Notification} that holds on all wires is checked. Beyond what `JSON.parse` would
 * do, a field that is given twice is refused: taking either value would be a guess.
 */
export class NotificationLineParser {
  readonly #raw: boolean;
  readonly #scanner = new JsonScanner();
  /** The start of each field's value in the current line. */
  readonly #starts = new Uint32Array(NAMES.length);
  readonly #ends = new Uint32Array(NAMES.length);
  #tokenIsHex = false;
  #incomplete = false;
  #field: string | undefined;
  #problem: string | undefined;
  /** The unknown field that was met last, and what is said of it: in a file with a mistake it is in every line. */
  #unknown: { readonly name: string; readonly shown: string; readonly problem: string } | undefined;

  /**
   * @param payload `raw` gives a payload that is a JSON object as a view of exactly its bytes, without
   *   copying them; a payload that is a JSON string becomes that string either way
   */
  constructor(payload: PayloadMode) {
    this.#raw = payload === 'raw';
  }

  /**
   * Whether the line refused last is the beginning of JSON text, ending between two tokens, as the first
   * line of a pretty-printed object does.
   */
  get incomplete(): boolean {
    return this.#incomplete;
  }

  /**
   * The notification that the bytes from `start` to `end` hold. Its fields stand in the documented order,
   * whatever their order in the line.
   *
   * @param line 1-based; `getSourceLine` returns it for the notification
   * @param offset where the line starts in the input, for the error
   * @returns in place of a notification an error that names line, offset, and the field if the line is a JSON
   *   object: a file may have any number of bad lines, and throwing takes longer than reading one
   */
  parse(
    bytes: Buffer,
    start: number,
    end: number,
    line: number,
    offset: number,
  ): Notification | InvalidNotificationError {
    this.#field = undefined;
    this.#problem = undefined;
    this.#incomplete = false;
    const seen = this.#scan(bytes, start, end);
    if (seen < 0) this.#refuseText(bytes, start, end);
    if (this.#problem === undefined) {
      const notification = this.#build(bytes, seen);
      if (this.#problem === undefined) {
        setParsed(notification, line, end - start);
        return notification;
      }
    }
    const field = this.#field;
    const notification = field === undefined ? undefined : jsonValue(bytes, start, end);
    return new InvalidNotificationError(this.#problem, { field, line, offset, notification });
  }

  /** Notes where every field's value lies. Returns a bit for each field, or -1 if this is no JSON object. */
  #scan(bytes: Buffer, start: number, end: number): number {
    const scanner = this.#scanner;
    let seen = 0;
    let i = skipSpace(bytes, start, end);
    if (i === end || bytes[i] !== OPEN_BRACE) return -1;
    i = skipSpace(bytes, i + 1, end);
    if (i < end && bytes[i] === CLOSE_BRACE) return skipSpace(bytes, i + 1, end) === end ? seen : -1;
    for (;;) {
      if (i === end || bytes[i] !== QUOTE) return -1;
      const afterName = scanner.string(bytes, i, end);
      if (afterName < 0) return -1;
      const field = this.#fieldOf(bytes, i, afterName, seen);
      const value = scanner.colon(bytes, afterName, end);
      if (value < 0) return -1;
      i = field === DEVICE_TOKEN ? this.#scanToken(bytes, value, end) : scanner.value(bytes, value, end);
      if (i < 0) return -1;
      if (field !== UNKNOWN) {
        seen |= 1 << field;
        this.#starts[field] = value;
        this.#ends[field] = i;
      }
      i = skipSpace(bytes, i, end);
      const next = i < end ? bytes[i] : -1;
      if (next === CLOSE_BRACE) return skipSpace(bytes, i + 1, end) === end ? seen : -1;
      if (next !== COMMA) return -1;
      i = skipSpace(bytes, i + 1, end);
    }
  }

  /** The field named by the string from `start` to `end`, quotes included. Unknown and repeated ones are noted. */
  #fieldOf(bytes: Buffer, start: number, end: number, seen: number): number {
    let field = lookUp(bytes, start + 1, end - 1);
    if (field === UNKNOWN) {
      const name = jsonValue(bytes, start, end) as string;
      field = NOTIFICATION_FIELDS.indexOf(name as keyof Notification);
      if (field === UNKNOWN && this.#problem === undefined) {
        if (this.#unknown?.name !== name)
          this.#unknown = { name, shown: redactName(name), problem: unknownFieldProblem(name) };
        this.#refuse(this.#unknown.shown, this.#unknown.problem);
      }
    }
    if (field !== UNKNOWN && (seen & (1 << field)) !== 0) {
      this.#refuse(NOTIFICATION_FIELDS[field]!, 'is given twice');
    }
    return field;
  }

  /** Finds the end of a device token and, in the same pass, whether it consists of nothing but hex digits. */
  #scanToken(bytes: Buffer, start: number, end: number): number {
    this.#tokenIsHex = false;
    if (start < end && bytes[start] === QUOTE) {
      const after = endOfHexDigits(bytes, start + 1, end);
      if (after < end && bytes[after] === QUOTE) {
        this.#tokenIsHex = true;
        return after + 1;
      }
    }
    return this.#scanner.value(bytes, start, end);
  }

  #build(bytes: Buffer, seen: number): Notification {
    const isBroadcast = has(seen, CHANNEL_ID) && !has(seen, DEVICE_TOKEN);
    const notification = (
      isBroadcast
        ? { payload: this.#payload(bytes, seen) }
        : { deviceToken: this.#deviceToken(bytes, seen), payload: this.#payload(bytes, seen) }
    ) as Notification;
    if (seen === REQUIRED) return notification;

    const n = notification as { [Field in keyof Notification | 'channelId']: unknown };
    if (has(seen, IDENTIFIER)) n.identifier = this.#checked(bytes, IDENTIFIER, identifierProblem);
    if (has(seen, EXPIRATION)) n.expiration = this.#checked(bytes, EXPIRATION, expirationProblem);
    if (has(seen, PRIORITY)) n.priority = this.#checked(bytes, PRIORITY, priorityProblem);
    if (has(seen, TOPIC)) n.topic = this.#checked(bytes, TOPIC, headerTextProblem);
    if (has(seen, PUSH_TYPE)) n.pushType = this.#checked(bytes, PUSH_TYPE, headerTextProblem);
    if (has(seen, COLLAPSE_ID)) n.collapseId = this.#checked(bytes, COLLAPSE_ID, collapseIdProblem);
    if (has(seen, APNS_ID)) n.apnsId = this.#checked(bytes, APNS_ID, apnsIdProblem);
    if (has(seen, CONTEXT)) n.context = jsonValue(bytes, this.#starts[CONTEXT]!, this.#ends[CONTEXT]!);
    if (isBroadcast) n.channelId = this.#checked(bytes, CHANNEL_ID, channelIdProblem);
    else if (has(seen, CHANNEL_ID)) this.#refuse('channelId', CHANNEL_AND_TOKEN);
    return notification;
  }

  #deviceToken(bytes: Buffer, seen: number): string {
    if (!has(seen, DEVICE_TOKEN)) return this.#refuse('deviceToken', 'is missing');
    const start = this.#starts[DEVICE_TOKEN]!;
    const end = this.#ends[DEVICE_TOKEN]!;
    const digits = end - start - 2;
    if (this.#tokenIsHex && digits % 2 === 0 && digits > 0 && digits <= 2 * MAX_DEVICE_TOKEN_BYTES) {
      return bytes.toString('latin1', start + 1, end - 1);
    }
    return this.#checked(bytes, DEVICE_TOKEN, deviceTokenProblem) as string;
  }

  #payload(bytes: Buffer, seen: number): object | string {
    if (!has(seen, PAYLOAD)) return this.#refuse('payload', 'is missing');
    const start = this.#starts[PAYLOAD]!;
    if (this.#raw && bytes[start] === OPEN_BRACE) return bytes.subarray(start, this.#ends[PAYLOAD]!);
    return this.#checked(bytes, PAYLOAD, payloadProblem) as object | string;
  }

  /** The value of a field, whose problem is noted if it has one. */
  #checked(bytes: Buffer, field: number, problemOf: (value: unknown) => string | undefined): unknown {
    const value = jsonValue(bytes, this.#starts[field]!, this.#ends[field]!);
    const problem = problemOf(value);
    if (problem !== undefined) this.#refuse(NOTIFICATION_FIELDS[field]!, problem);
    return value;
  }

  /** Notes the first problem of a line. */
  #refuse(field: string, problem: string): string {
    this.#field ??= field;
    this.#problem ??= problem;
    return '';
  }

  /** Notes why the line is no JSON object, which goes before any problem of a field. */
  #refuseText(bytes: Buffer, start: number, end: number): void {
    const isJson = this.#scanner.accepts(bytes, start, end);
    this.#field = undefined;
    this.#incomplete = !isJson && this.#scanner.failure === 'incomplete';
    this.#problem = isJson
      ? `a notification must be an object, got ${describe(jsonValue(bytes, start, end))}`
      : jsonProblem(this.#scanner, bytes, start);
  }
}

function has(seen: number, field: number): boolean {
  return (seen & (1 << field)) !== 0;
}

function slot(name: Uint8Array, start: number, end: number): number {
  return (end - start) * 32 + (name[end - 1]! & 31);
}

/** The field with exactly this name, written without escapes. */
function lookUp(bytes: Buffer, start: number, end: number): number {
  if (end - start >= 16) return UNKNOWN;
  const field = BY_LENGTH_AND_LAST[slot(bytes, start, end)]!;
  if (field === UNKNOWN) return UNKNOWN;
  const name = NAMES[field]!;
  for (let i = 0; i < name.length; i++) {
    if (bytes[start + i] !== name[i]) return UNKNOWN;
  }
  return field;
}

/** The value of JSON text that has been scanned. Plain whole numbers and strings are not worth a JSON.parse. */
function jsonValue(bytes: Buffer, start: number, end: number): unknown {
  const first = bytes[start]!;
  if (first === QUOTE) {
    const text = bytes.toString('utf8', start + 1, end - 1);
    if (!text.includes('\\')) return text;
  } else if (end - start <= 15) {
    let number = 0;
    let i = start;
    // The scanner has found where the number ends, so there is no further digit.
    while (bytes[i]! >= ZERO && bytes[i]! <= NINE) number = number * 10 + bytes[i++]! - ZERO;
    if (i === end) return number;
  }
  return JSON.parse(bytes.toString('utf8', start, end));
}
