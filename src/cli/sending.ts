/** One sending: inputs into a delivery, its outcomes to standard output, and the figures of both. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type OutcomeCounts, settledCount } from '../outcome.js';
import { createNdjsonStringifier } from '../transforms/ndjson-stringifier.js';
import { ConnectionNews } from './connection-news.js';
import { Feed } from './feed.js';
import type { Input } from './input.js';
import type { CommandIo } from './io.js';
import { OutcomeReport } from './outcome-report.js';
import { createOutput } from './output.js';
import { Progress, type ProgressSnapshot } from './progress.js';
import type { SendValues } from './send-options.js';
import type { SettlementLog } from './settlement-log.js';
import type { SendingResult } from './summary.js';

const STOPPING = 'apns-streams: stopping: what is under way is being settled; one more signal stops at once';

/** Notifications in, outcomes out. */
export interface CountingDelivery extends Duplex {
  readonly counts: Readonly<OutcomeCounts>;
  /** Of a dry run: notifications that could be sent. */
  readonly valid?: number;
}

/** See the file's first line. To be run once. */
export class Sending {
  readonly #delivery: CountingDelivery;
  readonly #io: CommandIo;
  readonly #report: OutcomeReport;
  readonly #feed: Feed;
  readonly #log: SettlementLog | undefined;
  readonly #shows: boolean;
  readonly #startedAt: number;
  #endedAt: number | undefined;
  #invalidLines = 0;
  #stoppedEarly = false;
  #outcomesLost = false;

  constructor(
    delivery: CountingDelivery,
    inputs: readonly Input[],
    values: Pick<SendValues, 'outcomes' | 'redact-tokens' | 'quiet' | 'max-line-bytes'>,
    io: CommandIo,
    log?: SettlementLog,
  ) {
    this.#delivery = delivery;
    this.#log = log;
    this.#io = io;
    this.#shows = !values.quiet;
    this.#startedAt = io.clock.now();
    const report = new OutcomeReport(
      values.outcomes ?? 'all',
      values['redact-tokens'],
      log && ((...given) => log.onOutcome(...given)),
    );
    this.#report = report;
    this.#feed = new Feed({
      inputs,
      maxLineBytes: values['max-line-bytes'],
      into: delivery,
      onInvalid: (error, file) => {
        this.#invalidLines++;
        report.addInvalidLine(error, file);
      },
      drained: (signal) => (report.writableNeedDrain ? once(report, 'drain', { signal }) : undefined),
      settled: () => this.#settled,
      gate: log,
    });
  }

  /** The figures so far. */
  get result(): SendingResult {
    const { counts, valid } = this.#delivery;
    return {
      counts: { ...counts, invalid: counts.invalid + this.#invalidLines },
      valid,
      rejectedForNow: this.#report.rejectedForNow,
      reasons: this.#report.reasons,
      elapsedMs: (this.#endedAt ?? this.#io.clock.now()) - this.#startedAt,
      stoppedAfter: this.#stoppedEarly && !this.#feed.isExhausted ? this.#feed.last : undefined,
      outcomesLost: this.#outcomesLost,
    };
  }

  /**
   * Reads, sends and reports until everything has its outcome; `stop` ends the reading only.
   *
   * @returns what went wrong as a whole, the gravest first: an empty list when nothing did
   */
  async run(stop: AbortSignal): Promise<readonly unknown[]> {
    const gone = new AbortController();
    const errors: unknown[] = [];
    const delivery = this.#delivery;
    const log = this.#log;
    if (log !== undefined) {
      log.onFail = (error) => {
        errors.push(error);
        // Only the reading stops: what is under way is settled and printed as ever.
        gone.abort();
      };
    }
    delivery.once('error', (error) => {
      if (error.name !== 'AbortError') errors.push(error);
    });
    const closed = new Promise<void>((resolve) => {
      delivery.once('close', () => {
        gone.abort();
        // Not through a pipeline: it would throw away the outcomes that precede an error of the delivery.
        this.#report.end();
        resolve();
      });
    });
    delivery.pipe(this.#report, { end: false });
    const news = new ConnectionNews();
    const progress = this.#shows ? new Progress(this.#io, () => this.#snapshot(news)) : undefined;
    if (this.#shows)
      stop.addEventListener('abort', () => this.#io.stderr.write(`${STOPPING}\n`), { once: true });
    try {
      const output = createOutput(this.#io.stdout, log && ((chunk) => log.onWritten(chunk)));
      const reported = pipeline(this.#report, createNdjsonStringifier(), output).catch((error) => {
        errors.unshift(error);
        this.#outcomesLost = true;
        delivery.destroy();
      });
      await this.#read(AbortSignal.any([stop, gone.signal]), errors);
      delivery.end();
      await Promise.all([closed, reported]);
    } finally {
      progress?.stop();
      news.dispose();
      log?.close(!this.#stoppedEarly);
      this.#endedAt = this.#io.clock.now();
    }
    return errors;
  }

  async #read(signal: AbortSignal, errors: unknown[]): Promise<void> {
    try {
      await this.#feed.run(signal);
    } catch (error) {
      this.#stoppedEarly = true;
      if (!signal.aborted) errors.push(error);
    }
  }

  get #settled(): number {
    return settledCount(this.#delivery.counts) + (this.#delivery.valid ?? 0) + this.#invalidLines;
  }

  #snapshot(news: ConnectionNews): ProgressSnapshot {
    const settled = this.#settled;
    const { accepted, presumed } = this.#delivery.counts;
    const valid = this.#delivery.valid ?? 0;
    return {
      settled,
      problems: settled - accepted - presumed - valid,
      pending: this.#feed.submitted + this.#invalidLines - settled,
      fraction: this.#feed.fraction,
      connecting: news.text,
    };
  }
}
