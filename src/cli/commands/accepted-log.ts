/** `simulate --record`: writes the notifications that the simulator accepts to a file. */
import { isUtf8 } from 'node:buffer';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { AcceptedNotification, AcceptedRecord } from '../../simulator/index.js';
import { createNdjsonStringifier } from '../../transforms/ndjson-stringifier.js';
import { shownValue } from '../args/mistaken-value.js';
import { CommandError, systemProblem } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import type { Clock } from '../io.js';

const FLUSH_MS = 100;

/** Repeatedly moves a simulator's record into a file, so that the record stays short. */
export class AcceptedLog {
  readonly #record: AcceptedRecord;
  readonly #lines = createNdjsonStringifier();
  readonly #written: Promise<void>;
  readonly #stopTimer: () => void;

  constructor(record: AcceptedRecord, path: string, clock: Clock) {
    this.#record = record;
    this.#written = pipeline(this.#lines, createWriteStream(path, { mode: 0o600 })).catch((cause) => {
      throw new CommandError(
        ExitCode.InputOutput,
        `cannot write --record ${shownValue(path)}: ${systemProblem(cause)}`,
        {
          cause,
        },
      );
    });
    this.#stopTimer = clock.every(FLUSH_MS, () => {
      if (!this.#lines.writableNeedDrain) this.#flush();
    });
  }

  /** A promise that rejects if the file cannot be written. It never resolves. */
  get failed(): Promise<never> {
    return this.#written.then(() => new Promise<never>(() => {}));
  }

  /** Writes the remaining lines and closes the file. It rejects if the file could not be written. */
  async close(): Promise<void> {
    this.#stopTimer();
    this.#flush();
    this.#lines.end();
    await this.#written;
  }

  #flush(): void {
    for (const accepted of this.#record) this.#lines.write(describeLine(accepted));
    this.#record.clear();
  }
}

/** A line that `send` accepts as input, unless the payload is not UTF-8. */
function describeLine({ wire: _, connection: __, payload, ...notification }: AcceptedNotification): object {
  if (payload === undefined) return notification;
  return isUtf8(payload)
    ? { ...notification, payload }
    : { ...notification, payloadHex: payload.toString('hex') };
}
