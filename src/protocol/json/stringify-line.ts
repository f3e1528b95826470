/** Converts an object to an NDJSON line. */
import { isUtf8 } from 'node:buffer';
import { describe, InvalidNotificationError } from '../../core/errors.js';
import { expirationProblem, expirationSeconds } from '../../core/notification-rules.js';
import { getSourceLine } from '../../core/source-line.js';
import { JsonScanner } from './json-scanner.js';

const OPEN_BRACE = 0x7b;

/** Stringifies objects, one after the other. */
export class LineStringifier {
  readonly #scanner = new JsonScanner();

  /**
   * The line of an object, newline included.
   *
   * A notification's payload bytes are written as the JSON they are, byte for byte. Where they are not one
   * object within one line they are written as a JSON string, which is as exact: a parser makes the same
   * bytes of it. A notification's `Date` becomes UNIX seconds. All else is what `JSON.stringify` makes of it.
   *
   * @throws {InvalidNotificationError} for a value that is not an object, or cannot be converted to JSON (a cycle, a
   *   BigInt, a nesting too deep for Node, payload bytes that are not UTF-8, a date out of range)
   */
  stringify(object: unknown): string {
    if (typeof object !== 'object' || object === null || object instanceof Uint8Array) {
      throw new InvalidNotificationError(`a line must be an object, got ${describe(object)}`);
    }
    const { payload, expiration } = object as { payload?: unknown; expiration?: unknown };
    const text =
      payload instanceof Uint8Array || expiration instanceof Date
        ? this.#notification(object as Record<string, unknown>)
        : jsonText(object, object);
    if (text === undefined) throw refused(object, undefined, 'its toJSON() returns undefined');
    return `${text}\n`;
  }

  #notification(notification: Record<string, unknown>): string {
    let line = '';
    for (const name of Object.keys(notification)) {
      const text = this.#field(notification, name, notification[name]);
      if (text !== undefined) line += `${line === '' ? '{' : ','}${JSON.stringify(name)}:${text}`;
    }
    return `${line}}`;
  }

  #field(notification: object, name: string, value: unknown): string | undefined {
    if (name === 'payload' && value instanceof Uint8Array) return this.#payload(notification, value);
    if (name === 'expiration' && value instanceof Date) {
      const problem = expirationProblem(value);
      if (problem !== undefined) throw refused(notification, name, problem);
      return String(expirationSeconds(value));
    }
    return jsonText(notification, value, name);
  }

  #payload(notification: object, bytes: Uint8Array): string {
    const text = Buffer.isBuffer(bytes)
      ? bytes.toString()
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
    // Only where decoding has put in a replacement character can the bytes be anything but UTF-8.
    if (text.includes('\ufffd') && !isUtf8(bytes))
      throw refused(notification, 'payload', 'is not valid UTF-8');
    const inPlace =
      bytes[0] === OPEN_BRACE &&
      !text.includes('\n') &&
      this.#scanner.value(bytes, 0, bytes.length) === bytes.length;
    return inPlace ? text : JSON.stringify(text);
  }
}

function jsonText(object: object, value: unknown, field?: string): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw refused(object, field, 'cannot be converted to JSON', cause);
  }
}

function refused(notification: object, field: string | undefined, problem: string, cause?: unknown): Error {
  return new InvalidNotificationError(problem, {
    field,
    line: getSourceLine(notification),
    notification,
    cause,
  });
}
