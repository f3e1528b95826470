/** Decodes chunks of NDJSON into notifications. */
import { InvalidNotificationError } from '../../core/errors.js';
import type { Notification } from '../../core/notification.js';
import { skipSpace } from './json-scanner.js';
import { LineReader } from './line-reader.js';
import { checkNdjsonStart, NDJSON_START_BYTES, notNdjson } from './ndjson-start.js';
import { NotificationLineParser, type PayloadMode } from './notification-line.js';

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const NOTHING = Buffer.alloc(0);

/** Options of {@link NdjsonDecoder}. */
export interface NdjsonDecoderOptions {
  readonly payload: PayloadMode;
  /** The longest line, without its ending. */
  readonly maxLineBytes: number;
  /**
   * Receives every notification, in order, and returns whether more is wanted now; what it throws passes
   * through `read`, `goOn` and `end`.
   */
  readonly onNotification: (notification: Notification) => boolean;
  /** Receives every line that holds none, in order; what it throws passes through as well. */
  readonly onInvalid: (error: InvalidNotificationError) => void;
}

/** Decodes one input. After an error has passed through it, it is of no further use. */
export class NdjsonDecoder {
  readonly #options: NdjsonDecoderOptions;
  readonly #parser: NotificationLineParser;
  /** The first bytes of the input, until there are enough to know what it is. */
  #head: Buffer = NOTHING;
  /** Absent until then. */
  #lines: LineReader | undefined;
  /** Whether nothing but white space has come so far. */
  #atFirstByte = true;
  #atFirstLine = true;
  /** The first line's error, while it is open whether that line begins a pretty-printed object. */
  #heldError: InvalidNotificationError | undefined;

  constructor(options: NdjsonDecoderOptions) {
    this.#options = options;
    this.#parser = new NotificationLineParser(options.payload);
  }

  /**
   * Takes the next chunk, which must not be changed afterwards.
   *
   * @returns whether it has been read to its end; if not, {@link NdjsonDecoder.goOn} has to be called first
   * @throws {ApnsError} APNS_ERR_NOT_NDJSON if the input as a whole is something else
   */
  read(chunk: Buffer): boolean {
    if (this.#lines !== undefined) {
      if (this.#atFirstByte) this.#checkFirstByte(chunk, 0);
      return this.#lines.read(chunk);
    }
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    return this.#head.length < NDJSON_START_BYTES || this.#begin();
  }

  /**
   * Continues to read the current chunk.
   *
   * @returns whether it has been read to its end
   * @throws {ApnsError} APNS_ERR_NOT_NDJSON if the input as a whole is something else
   */
  goOn(): boolean {
    return this.#lines === undefined || this.#lines.goOn();
  }

  /**
   * Says that no more chunks will come; a last line without newline is read like any other.
   *
   * @throws {ApnsError} APNS_ERR_NOT_NDJSON if the input as a whole is something else
   */
  end(): void {
    // The input ended before its start could be checked.
    if (this.#lines === undefined) this.#begin();
    this.#lines!.end();
    this.#reportHeldError();
  }

  /** Looks at the first bytes, then reads them. @returns whether they have been read to their end */
  #begin(): boolean {
    const head = this.#head;
    this.#head = NOTHING;
    const mark = checkNdjsonStart(head);
    const lines = new LineReader(
      {
        onLine: (bytes, start, end, line, offset) => this.#onLine(bytes, start, end, line, offset),
        onUnreadable: (problem, line, offset) => {
          this.#reportHeldError();
          this.#atFirstLine = false;
          this.#options.onInvalid(new InvalidNotificationError(problem, { line, offset }));
        },
      },
      this.#options.maxLineBytes,
      mark,
    );
    this.#lines = lines;
    this.#checkFirstByte(head, mark);
    return lines.read(head.subarray(mark));
  }

  /** Detects an array by its first bracket, because an array may be one line that exceeds every limit. */
  #checkFirstByte(bytes: Buffer, from: number): void {
    const first = bytes[skipSpace(bytes, from, bytes.length)];
    if (first === OPEN_BRACKET) throw isArray();
    this.#atFirstByte = first === undefined;
  }

  #onLine(bytes: Buffer, start: number, end: number, line: number, offset: number): boolean {
    const atFirstLine = this.#atFirstLine;
    if (atFirstLine || this.#heldError !== undefined) this.#checkWhole(bytes[skipSpace(bytes, start, end)]);
    const parsed = this.#parser.parse(bytes, start, end, line, offset);
    if (!(parsed instanceof InvalidNotificationError)) return this.#options.onNotification(parsed);
    if (atFirstLine && this.#parser.incomplete) this.#heldError = parsed;
    else this.#options.onInvalid(parsed);
    return true;
  }

  /** Checks the input by the first byte of its first or second line; blank lines are not counted. */
  #checkWhole(first: number | undefined): void {
    this.#atFirstLine = false;
    if (this.#heldError !== undefined && first !== OPEN_BRACE) {
      throw notNdjson(
        'its first object continues on the next line, and NDJSON requires one object per line; convert it first, with jq -c .',
      );
    }
    this.#reportHeldError();
  }

  /** Reports the held error: only the first line is invalid, and the input is NDJSON. */
  #reportHeldError(): void {
    const heldError = this.#heldError;
    if (heldError === undefined) return;
    this.#heldError = undefined;
    this.#options.onInvalid(heldError);
  }
}

function isArray(): Error {
  return notNdjson(
    "it is an array, and NDJSON requires one object per line; convert it first, with jq -c '.[]'",
  );
}
