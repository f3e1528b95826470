/** Formats the summary of a run. */
import { type OutcomeCounts, settledCount } from '../../core/outcome.js';
import type { Place } from '../input/notification-reader.js';
import { counted, grouped, seconds } from '../output/format-number.js';
import type { EarlierRefusals } from './earlier-refusals.js';

/** The counts of one run. */
export interface SendingResult {
  readonly counts: Readonly<OutcomeCounts>;
  /** With `--dry-run`: notifications that could be sent. */
  readonly valid: number | undefined;
  /** How many of the rejected had a temporary reason (429, 500 and above, status code 1). */
  readonly rejectedForNow: number;
  /** Notifications that were refused because of credentials or options, and not because of their contents. */
  readonly refusedForSettings: number;
  /** With a ledger: how many of the unknown lines are not settled, so that resuming sends them. */
  readonly openUnknown: number;
  readonly reasons: readonly (readonly [reason: string, count: number])[];
  readonly elapsedMs: number;
  /** The last line that was handed over when reading stopped early. */
  readonly stoppedAfter: Place | undefined;
  /** If writing outcomes failed: lines that were read and have no outcome on standard output. */
  readonly unwritten: number;
}

const STATUSES = ['accepted', 'presumed', 'rejected', 'invalid', 'unsent', 'unknown'] as const;

/** The state of the ledger when the run began. */
export interface ResumeFigures {
  readonly ledger: string;
  /** Lines that earlier runs settled, lines without a notification included. */
  readonly settledBefore: number;
  /** How many notifications this run may have sent a second time. */
  readonly duplicatesAtMost: number;
  /** Lines that were refused in earlier runs because of credentials or options. */
  readonly earlier: EarlierRefusals;
}

/** The summary as text, in one to eight lines. */
export function summaryOf(result: SendingResult, resume?: ResumeFigures): string {
  const { counts, valid, rejectedForNow, reasons, elapsedMs, stoppedAfter, unwritten } = result;
  const total = settledCount(counts) + (valid ?? 0);
  const parts = [
    ...(valid === undefined ? [] : [`${grouped(valid)} valid`]),
    ...STATUSES.filter((status) => counts[status] > 0).map(
      (status) => `${grouped(counts[status])} ${status}`,
    ),
    ...(counts.resent > 0 ? [`${counted(counts.resent, 'frame')} sent again`] : []),
  ];
  const rate = elapsedMs > 0 && total > 0 ? ` (${grouped((total * 1000) / elapsedMs)}/s)` : '';
  const lines = [
    `${counted(total, 'notification')}${parts.length > 0 ? `: ${parts.join(', ')}` : ''} in ${seconds(elapsedMs)}${rate}`,
  ];
  if (reasons.length > 0) {
    lines.push(`  ${reasons.map(([reason, count]) => `${reason} ${grouped(count)}`).join(', ')}`);
  }
  if (stoppedAfter !== undefined) {
    const { file, line } = stoppedAfter;
    lines.push(
      `  reading stopped after line ${line}${file === undefined ? '' : ` of ${file}`}; later lines, if there are any, were not sent`,
    );
  }
  lines.push(...refusedLines(result, resume));
  if (unwritten > 0) {
    lines.push(
      `  ${counted(unwritten, 'outcome')} could not be written: lines without an outcome on standard output may have been sent`,
    );
  } else {
    if (rejectedForNow > 0) {
      const were = rejectedForNow === 1 ? 'was' : 'were';
      lines.push(
        `  ${grouped(rejectedForNow)} ${were} rejected temporarily (429, 500 and above; ProcessingError): send them again later`,
      );
    }
    lines.push(...(resume === undefined ? sendAgainLines(result) : runAgainLines(result)));
  }
  return `${lines.join('\n')}\n`;
}

/** The advice without a ledger: the user selects the lines and sends them. */
function sendAgainLines({ counts: { unsent, unknown } }: SendingResult): string[] {
  if (unsent === 0 && unknown === 0) return [];
  const statuses = [...(unsent > 0 ? ['unsent'] : []), ...(unknown > 0 ? ['unknown'] : [])].join(' or ');
  const twice = unknown === 0 ? '' : `; ${unsent > 0 ? 'unknown ones' : 'they'} may arrive twice`;
  return [`  send the lines whose outcome is ${statuses} again${twice}`];
}

/** The advice with a ledger: the next run sends the open lines, and the user decides about the others. */
function runAgainLines({ counts: { unsent, unknown }, openUnknown, stoppedAfter }: SendingResult): string[] {
  const open = [
    ...(unsent > 0 ? ['unsent lines'] : []),
    ...(openUnknown > 0 ? ['unknown lines (which may arrive twice)'] : []),
    ...(stoppedAfter === undefined ? [] : ['lines that were not read']),
  ];
  const settled = unknown - openUnknown;
  return [
    ...(open.length === 0 ? [] : [`  run the command again to send the ${open.join(', the ')}`]),
    ...(settled > 0
      ? [
          `  resuming does not send unknown lines (${grouped(settled)}), because they could arrive twice: to send them, copy them to another file`,
        ]
      : []),
  ];
}

/** Reports refusals that are not due to the notifications, in this run and in earlier ones. */
function refusedLines({ refusedForSettings }: SendingResult, resume: ResumeFigures | undefined): string[] {
  const lines: string[] = [];
  const { count = 0, outcomes = {} } = resume?.earlier ?? {};
  if (count > 0) {
    const parts = STATUSES.flatMap((status) => {
      const now = outcomes[status] ?? 0;
      return now > 0 ? [`${grouped(now)} ${status}`] : [];
    });
    const settled = Object.values(outcomes).reduce((sum, each) => sum + each, 0);
    if (settled < count) parts.push(`${grouped(count - settled)} not sent yet`);
    lines.push(`  of ${counted(count, 'line')} refused in earlier runs: ${parts.join(', ')}`);
  }
  if (refusedForSettings > 0) {
    const were = refusedForSettings === 1 ? 'was' : 'were';
    const next =
      resume === undefined
        ? 'correct them, then send those lines again'
        : 'correct them, then run the same command again: it sends those lines';
    lines.push(`  ${grouped(refusedForSettings)} ${were} refused because of credentials or options: ${next}`);
  }
  return lines;
}

/** The summary for programs, as one line of JSON. */
export function jsonSummaryOf(
  result: SendingResult,
  ending: {
    readonly exitCode: number;
    readonly errors: readonly string[];
    readonly resume?: ResumeFigures | undefined;
  },
): string {
  const { counts, valid, rejectedForNow, refusedForSettings, elapsedMs, reasons, stoppedAfter } = result;
  const { resume, ...rest } = ending;
  return `${JSON.stringify({
    notifications: settledCount(counts) + (valid ?? 0),
    ...(valid === undefined ? {} : { valid }),
    ...counts,
    rejectedForNow,
    refusedForSettings,
    unwritten: result.unwritten,
    reasons: Object.fromEntries(reasons),
    elapsedMs: Math.round(elapsedMs),
    ...(stoppedAfter === undefined ? {} : { stoppedAfter }),
    ...(resume === undefined ? {} : { resume: resumeJson(resume) }),
    ...rest,
  })}\n`;
}

function resumeJson({ earlier, ...figures }: ResumeFigures): object {
  return { ...figures, refusedBefore: earlier.count, refusedBeforeNow: earlier.outcomes };
}
