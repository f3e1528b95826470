/** Reads NDJSON inputs, one after the other, into a stream of notifications, and measures how much is settled. */
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { InvalidNotificationError } from '../../core/errors.js';
import type { Notification } from '../../core/notification.js';
import { getSourceLine, lineBytesOf } from '../../core/source-line.js';
import { createNdjsonParser } from '../../transforms/ndjson-parser.js';
import { inFlags } from '../output/format-error.js';
import { type Input, readInput } from './input.js';
import { setFile } from './notification-file.js';
import { pipeWithoutEnd } from './pipe-without-end.js';

/** Options of {@link NotificationReader}. */
export interface NotificationReaderOptions {
  readonly inputs: readonly Input[];
  /** @default the parser's own limit */
  readonly maxLineBytes: number | undefined;
  /** Takes the notifications; it is not ended. */
  readonly into: Writable;
  /** Receives each line that is not a notification, with its file if there are several inputs. */
  onInvalid(error: InvalidNotificationError, file: string | undefined): void;
  /** Resolves when what `onInvalid` wrote has gone out; invalid lines bypass `into`, which cannot hold them back. */
  drained?(signal: AbortSignal): Promise<unknown> | undefined;
  /** How many lines have an outcome, for {@link NotificationReader.fraction}. */
  settled?(): number;
  /** Decides which lines to pass on, and limits how many are in flight. */
  readonly filter?: LineFilter | undefined;
}

/** Filters the lines of an input that earlier runs have settled. */
export interface LineFilter {
  /** Whether a line that is not a notification must be reported. */
  admitInvalid(line: number): boolean;
  /** Whether to pass on a notification. It is called in the order of the lines. */
  admit(line: number): boolean;
  /** Whether reading must pause until `release` is called. */
  hold(release: () => void): boolean;
}

/** A place in the input. */
export interface Place {
  /** Where there are several inputs. */
  readonly file: string | undefined;
  /** 1-based. */
  readonly line: number;
}

const NEWLINE = 0x0a;

/** An estimate that is too high must not show 100 % while there is more to read. */
const MAX_UNREAD_FRACTION = 0.99;

/** The inputs of one run. */
export class NotificationReader {
  readonly #options: NotificationReaderOptions;
  readonly #totalBytes: number;
  /** Lines that were handed over, skipped or reported as invalid. Blank lines do not count. */
  #lines = 0;
  /** The number of those lines whose length is known, and their bytes with the newline. */
  #measuredLines = 0;
  #measuredBytes = 0;
  #isRead = false;
  #submitted = 0;
  #skipped = 0;
  #last: Place | undefined;
  #unread: () => boolean = () => true;

  constructor(options: NotificationReaderOptions) {
    this.#options = options;
    this.#totalBytes = options.inputs.reduce((sum, { size }) => sum + (size ?? Number.NaN), 0);
  }

  /** Notifications handed over so far. */
  get submitted(): number {
    return this.#submitted;
  }

  /** The position of the last notification that was passed on. */
  get last(): Place | undefined {
    return this.#last;
  }

  /** Whether every line was handed over or reported, however the reading ended. */
  get isExhausted(): boolean {
    return !this.#unread();
  }

  /**
   * The share of the input that is settled, 0 to 1; `undefined` when the input's size is not known. It is the number of
   * settled lines times the average length of a line, so lines that were only read do not count. It is 1 only when all
   * inputs are read and all lines are settled.
   */
  get fraction(): number | undefined {
    if (!(this.#totalBytes > 0)) return undefined;
    if (this.#measuredLines === 0) return 0;
    const settled = (this.#options.settled?.() ?? 0) + this.#skipped;
    const settledBytes = (settled * this.#measuredBytes) / this.#measuredLines;
    return Math.min(settledBytes / this.#totalBytes, this.#isRead ? 1 : MAX_UNREAD_FRACTION);
  }

  /**
   * Reads every input to its end. Rejects with a {@link CommandError} for an input that cannot be read,
   * with APNS_ERR_NOT_NDJSON for one that is something else, and with an AbortError once `signal` is aborted.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { inputs } = this.#options;
    let start = 0;
    for (const input of inputs) {
      start += await this.#read(input, inputs.length > 1 ? input.name : undefined, signal);
      // The length of an invalid line is not known. At the end of an input the sum of all lengths is.
      this.#measuredLines = this.#lines;
      this.#measuredBytes = start;
    }
    this.#isRead = true;
  }

  /** Resolves with the number of bytes read. */
  async #read(input: Input, file: string | undefined, signal: AbortSignal): Promise<number> {
    const { onInvalid, drained, maxLineBytes, into, filter } = this.#options;
    const parser = createNdjsonParser({
      payload: 'raw',
      onInvalid: (error) => {
        this.#lines++;
        if (filter?.admitInvalid(error.line ?? 0) === false) this.#skipped++;
        else onInvalid(withFlag(error), file);
      },
      ...(maxLineBytes === undefined ? {} : { maxLineBytes }),
    });
    const pipe = pipeWithoutEnd<Notification>(into, {
      each: (notification) => {
        const line = getSourceLine(notification) ?? 0;
        this.#lines++;
        this.#measuredLines++;
        this.#measuredBytes += lineBytesOf(notification) + 1;
        if (filter?.admit(line) === false) {
          this.#skipped++;
          return false;
        }
        if (file !== undefined) setFile(notification, file);
        this.#submitted++;
        this.#last = { file, line };
        return true;
      },
      ...(filter === undefined ? {} : { hold: (release) => filter.hold(release) }),
    });
    if (input === this.#options.inputs.at(-1)) {
      // The pipe counts a notification that it has passed on and still waits for.
      this.#unread = () =>
        !(parser.writableFinished || (isAllRead && parser.writableLength === 0)) ||
        parser.readableLength > 0 ||
        pipe.writableLength > 1;
    }
    let bytes = 0;
    // Known ahead of the end of a file that ends in a newline: reading may be stopped between the two.
    let isAllRead = false;
    async function* watch(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of source) {
        await drained?.(signal);
        isAllRead = bytes + chunk.length === input.size && chunk.at(-1) === NEWLINE;
        yield chunk;
        bytes += chunk.length;
      }
    }
    await readInput(input, (source) => pipeline(source, watch, parser, pipe, { signal }));
    return bytes;
  }
}

/** The parser names its limit by the option of the library. */
function withFlag(error: InvalidNotificationError): InvalidNotificationError {
  const { problem, field, line, offset, notification } = error;
  const shown = inFlags(problem);
  if (shown === problem) return error;
  return new InvalidNotificationError(shown, { field, line, offset, notification, cause: error });
}
