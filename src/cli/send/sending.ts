/** Sends inputs through a delivery, writes its outcomes to standard output, and counts both. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type OutcomeCounts, settledCount } from '../../core/outcome.js';
import { createNdjsonStringifier } from '../../transforms/ndjson-stringifier.js';
import { ExitCode } from '../exit-code.js';
import { exitCodeOfError } from '../exit-status.js';
import type { Input } from '../input/input.js';
import { NotificationReader } from '../input/notification-reader.js';
import type { CommandIo } from '../io.js';
import { seconds } from '../output/format-number.js';
import { createOutput } from '../output/output.js';
import { leaveStalledOutput } from '../output/stalled-output.js';
import { ConnectionNews } from './connection-news.js';
import { detectRefusedCredentials } from './detect-refused-credentials.js';
import { OutcomeReport, type ReportedOutcome } from './outcome-report.js';
import { Progress, type ProgressSnapshot } from './progress.js';
import { RefusalLimit } from './refusal-limit.js';
import type { RefusedFor } from './refused-for.js';
import type { SendValues } from './send-options.js';
import type { SendingLog } from './sending-log.js';
import { StartLimit } from './start-limit.js';
import type { SendingResult } from './summary.js';

const MAKE_ROOM = 'free some space; for the lines without an outcome, see "A full disk" in docs/command.md';
const RUN_AGAIN = 'free some space, then run the same command again, appending (>>) to the same file';

/** A stream from notifications to outcomes. */
export interface CountingDelivery extends Duplex {
  readonly counts: Readonly<OutcomeCounts>;
  /** The number of valid notifications in a dry run. */
  readonly valid?: number;
}

/** Options of a {@link Sending}. */
export interface SendingOptions {
  readonly values: Pick<SendValues, 'outcomes' | 'redact-tokens' | 'quiet' | 'max-line-bytes'>;
  readonly log?: SendingLog | undefined;
  /**
   * Ends a sending whose credentials or topic are refused in general. Over HTTP/2 each request gets a response: only a
   * few are in flight until one is not refused, and the command waits for those. It leaves a binary gateway at once.
   */
  readonly wire?: 'http2' | 'binary';
  /** Ends the delivery at once; its outcomes can still be read. */
  abort?(): void;
  /** How long the first signal waits for the notifications in flight. */
  readonly stopTimeoutMs?: number;
  /** From this signal on, the command does not wait for a reader of standard output that reads nothing. */
  readonly stopAtOnce?: AbortSignal;
}

/** One run. Its method `run` can be called only once. */
export class Sending {
  readonly #delivery: CountingDelivery;
  readonly #io: CommandIo;
  readonly #report: OutcomeReport;
  readonly #reader: NotificationReader;
  readonly #options: SendingOptions;
  readonly #log: SendingLog | undefined;
  readonly #startLimit: StartLimit | undefined;
  readonly #refusalLimit = new RefusalLimit();
  readonly #gone = new AbortController();
  readonly #errors: unknown[] = [];
  readonly #shows: boolean;
  readonly #startedAt: number;
  #endedAt: number | undefined;
  #invalidLines = 0;
  #stoppedEarly = false;
  #outcomesLost = false;
  /** Outcomes that were written completely to standard output. */
  #written = 0;

  constructor(delivery: CountingDelivery, inputs: readonly Input[], io: CommandIo, options: SendingOptions) {
    const { values, log, wire } = options;
    this.#delivery = delivery;
    this.#options = options;
    this.#log = log;
    this.#startLimit = wire === 'http2' ? new StartLimit(log) : undefined;
    this.#io = io;
    this.#shows = !values.quiet;
    this.#startedAt = io.clock.now();
    const report = new OutcomeReport(values.outcomes ?? 'all', values['redact-tokens'], (...given) =>
      this.#onOutcome(...given),
    );
    this.#report = report;
    this.#reader = new NotificationReader({
      inputs,
      maxLineBytes: values['max-line-bytes'],
      into: delivery,
      onInvalid: (error, file) => {
        this.#invalidLines++;
        report.addInvalidLine(error, file);
      },
      drained: (signal) => (report.writableNeedDrain ? once(report, 'drain', { signal }) : undefined),
      settled: () => this.#settled,
      filter: this.#startLimit ?? log,
    });
  }

  /** The counts so far. */
  get result(): SendingResult {
    const { counts, valid } = this.#delivery;
    return {
      counts: { ...counts, invalid: counts.invalid + this.#invalidLines },
      valid,
      rejectedForNow: this.#report.rejectedForNow,
      refusedForSettings: this.#report.refused,
      openUnknown: this.#log?.openUnknown ?? 0,
      reasons: this.#report.reasons,
      elapsedMs: (this.#endedAt ?? this.#io.clock.now()) - this.#startedAt,
      stoppedAfter: this.#stoppedEarly && !this.#reader.isExhausted ? this.#reader.last : undefined,
      unwritten: this.#outcomesLost ? this.#unwritten : 0,
    };
  }

  /**
   * Reads, sends and reports until everything has its outcome; `stop` ends the reading only.
   *
   * @returns what went wrong as a whole, the gravest first: an empty list when nothing did
   */
  async run(stop: AbortSignal): Promise<readonly unknown[]> {
    const gone = this.#gone;
    const errors = this.#errors;
    const delivery = this.#delivery;
    const log = this.#log;
    if (log !== undefined) {
      log.onFail = (error) => {
        errors.push(error);
        // This stops only the reading. Notifications in flight are still settled and printed.
        gone.abort();
      };
    }
    delivery.once('error', (error) => {
      if (error.name !== 'AbortError') errors.push(error);
    });
    const closed = new Promise<void>((resolve) => {
      delivery.once('close', () => {
        gone.abort();
        // A pipeline would discard the outcomes that precede an error of the delivery.
        this.#report.end();
        resolve();
      });
    });
    delivery.pipe(this.#report, { end: false });
    const news = new ConnectionNews();
    const progress = this.#shows ? new Progress(this.#io, () => this.#snapshot(news)) : undefined;
    if (this.#shows)
      stop.addEventListener('abort', () => this.#io.stderr.write(`${this.#stopping}\n`), { once: true });
    try {
      const output = createOutput(this.#io.stdout, {
        onWritten: (outcomes) => {
          this.#written += outcomes;
          log?.onWritten(outcomes);
        },
        advice: log === undefined ? MAKE_ROOM : RUN_AGAIN,
      });
      const leave = (): void => leaveStalledOutput(output, () => this.#written, this.#io.clock);
      this.#options.stopAtOnce?.addEventListener('abort', leave, { once: true });
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
      this.#endedAt = this.#io.clock.now();
      this.#detectRefusal(stop);
      log?.close(!this.#stoppedEarly, errors.some(isRefusal));
    }
    return errors;
  }

  #onOutcome(outcome: ReportedOutcome, passes: boolean, refused: RefusedFor | undefined): void {
    this.#log?.onOutcome(outcome, passes, refused !== undefined);
    const limit = this.#refusalLimit;
    if (refused === 'credentials' && !limit.isOver) this.#log?.leaveUnknownOpen();
    if (limit.isOver || this.#options.wire === undefined) return;
    const error = limit.count(outcome, refused);
    if (limit.isOver) this.#startLimit?.end();
    else if (outcome.notification !== undefined) this.#startLimit?.settle();
    if (error === undefined) return;
    this.#errors.push(error);
    this.#gone.abort();
    if (this.#options.wire === 'http2') return;
    this.#log?.leaveUnknownOpen();
    this.#options.abort?.();
  }

  /** The most likely error, if the gateway closed the connection without a response. */
  #detectRefusal(stop: AbortSignal): void {
    if (this.#errors.length > 0 || stop.aborted) return;
    const refusal = detectRefusedCredentials(this.result);
    if (refusal !== undefined) this.#errors.push(refusal);
  }

  async #read(signal: AbortSignal, errors: unknown[]): Promise<void> {
    try {
      await this.#reader.run(signal);
    } catch (error) {
      this.#stoppedEarly = true;
      if (!signal.aborted) errors.push(error);
    }
  }

  /** Lines that were read and whose outcome is missing on standard output. */
  get #unwritten(): number {
    const { outcomes = 'all' } = this.#options.values;
    if (outcomes === 'none') return 0;
    const { counts, valid = 0 } = this.#delivery;
    const silent = outcomes === 'problems' ? counts.accepted + counts.presumed : 0;
    return this.#reader.submitted + this.#invalidLines - valid - silent - this.#written;
  }

  get #stopping(): string {
    const { stopTimeoutMs } = this.#options;
    if (stopTimeoutMs === 0) return 'apns-streams: stopping immediately';
    const time = stopTimeoutMs === undefined ? '' : ` up to ${seconds(stopTimeoutMs)}`;
    return `apns-streams: stopping: waiting${time} for the outcomes of notifications in flight; another signal stops immediately`;
  }

  get #settled(): number {
    return settledCount(this.#delivery.counts) + (this.#delivery.valid ?? 0) + this.#invalidLines;
  }

  /** The notifications that --window-count limits. Those in the delivery's buffer do not count. */
  get #inFlight(): number {
    const delivery = this.#delivery;
    const settled = settledCount(delivery.counts) + (delivery.valid ?? 0);
    // A failed delivery has settled its buffer, but Node still counts it.
    return Math.max(0, this.#reader.submitted - settled - delivery.writableLength);
  }

  #snapshot(news: ConnectionNews): ProgressSnapshot {
    const settled = this.#settled;
    const { accepted, presumed } = this.#delivery.counts;
    const valid = this.#delivery.valid ?? 0;
    return {
      settled,
      problems: settled - accepted - presumed - valid,
      inFlight: this.#inFlight,
      fraction: this.#reader.fraction,
      connecting: news.text,
    };
  }
}

function isRefusal(error: unknown): boolean {
  return exitCodeOfError(error) === ExitCode.CredentialsRefused;
}
