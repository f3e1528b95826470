/** One decoder, fed with mutants until its time is up. */
import { inspect } from 'node:util';
import { ApnsError } from '../../src/core/errors.js';
import { type Decoding, decodeChunk, type FuzzTarget, thrownBy } from './fuzz-target.js';
import { heldBytes } from './held-bytes.js';
import { usedBytes } from './memory.js';
import { cut, mutant } from './mutation.js';
import { Random } from './random.js';

/** No call of a decoder may take longer. */
export const MAX_CALL_MS = 100;

const CHUNK_BYTES = 64 * 1024;

/** What all inputs of a run together may leave behind: compiled code and caches, no data. */
const MAX_GROWTH_BYTES = 16 * 1024 * 1024;

/** After so many there is nothing new to learn. */
const MAX_VIOLATIONS = 5;

/** A promise that was broken, and with what. */
export interface Violation {
  readonly decoder: string;
  readonly seed: number;
  /** `--case`: the same input again. Absent for what no single input did. */
  readonly case?: number;
  readonly what: string;
  /** The input, as `--replay` takes it: base64. */
  readonly bytes?: string;
}

/** What became of one decoder. */
export interface TargetReport {
  readonly cases: number;
  /** Inputs that were decoded to their end, so that the others were not refused for one and the same reason. */
  readonly valid: number;
  readonly bytes: number;
  readonly longestCallMs: number;
  readonly heldBytes: number;
  readonly grownBytes: number;
  readonly violations: readonly Violation[];
}

/** How long to go on, and whom to tell. */
export interface RunOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Only this case. */
  readonly nth?: number | undefined;
  /** Only this input. */
  readonly input?: Buffer | undefined;
  onCase?(nth: number): void;
}

/** Runs cases 0, 1, … of a seed. The first are the golden inputs, which must be free of faults. */
export function runTarget(target: FuzzTarget, options: RunOptions): TargetReport {
  const { seed, nth, input, onCase } = options;
  const violations: Violation[] = [];
  const report = { cases: 0, valid: 0, bytes: 0, longestCallMs: 0, heldBytes: 0, grownBytes: 0, violations };
  const runCase = (at: number, given?: Buffer): void => {
    onCase?.(at);
    const random = new Random(seed, target.name, at);
    const bytes = given ?? target.golden[at] ?? mutant(target, random);
    const { what, isValid, longestMs } = checkInput(target, bytes, random);
    report.cases++;
    report.bytes += bytes.length;
    report.longestCallMs = Math.max(report.longestCallMs, longestMs);
    if (isValid) report.valid++;
    else if (given === undefined && at < target.golden.length) what.push('a golden input is refused');
    for (const each of what) {
      violations.push({ decoder: target.name, seed, case: at, what: each, bytes: bytes.toString('base64') });
    }
  };
  const wrong = (what: string) => violations.push({ decoder: target.name, seed, what });
  if (input !== undefined || nth !== undefined) {
    runCase(nth ?? 0, input);
    return report;
  }

  const end = performance.now() + options.seconds * 1000;
  const warm = target.golden.length + 100;
  let before = 0;
  for (let at = 0; violations.length < MAX_VIOLATIONS; at++) {
    if (at === warm) before = usedBytes();
    runCase(at);
    if (at > warm && performance.now() >= end) break;
  }
  report.grownBytes = before === 0 ? 0 : Math.max(0, usedBytes() - before);
  if (report.grownBytes > MAX_GROWTH_BYTES) wrong(`the process has grown by ${report.grownBytes} bytes`);
  report.heldBytes = heldBytes(target, new Random(seed, target.name, 'held'));
  if (report.heldBytes > target.maxHeldBytes) {
    wrong(`a decoder holds ${report.heldBytes} bytes, the limit is ${target.maxHeldBytes}`);
  }
  return report;
}

interface Checked {
  readonly what: string[];
  readonly isValid: boolean;
  readonly longestMs: number;
}

function checkInput(target: FuzzTarget, input: Buffer, random: Random): Checked {
  const what: string[] = [];
  // Bytes around it, in which a decoder has no business.
  const guarded = Buffer.concat([Buffer.alloc(8, 0xee), input, Buffer.alloc(8, 0xee)]).subarray(8, -8);
  const chunks = target.whole ? [guarded] : chunksOf(guarded);
  const whole = decode(target, chunks);
  if (!guarded.equals(input)) what.push('the input was changed');
  if (whole.untyped !== undefined) what.push(`throws ${inspect(whole.untyped)}`);
  let longestMs = whole.longestMs;
  if (target.whole === undefined) {
    const pieces = decode(target, cut(input, random));
    longestMs = Math.max(longestMs, pieces.longestMs);
    const at = firstDifference(whole.events, pieces.events);
    if (at >= 0) what.push(`in one: ${shown(whole.events[at])}; in pieces: ${shown(pieces.events[at])}`);
  }
  // A collection of garbage, or code not compiled yet: a slow decoder is slow every time.
  for (let again = 0; again < 6 && longestMs > MAX_CALL_MS; again++) {
    longestMs = Math.min(longestMs, decode(target, chunks).longestMs);
  }
  if (longestMs > MAX_CALL_MS) what.push(`a call took ${Math.round(longestMs)} ms`);
  let broken: string | undefined;
  const failed = thrownBy(() => {
    broken = target.law?.(input);
  });
  if (broken !== undefined) what.push(broken);
  if (failed !== undefined) what.push(`its law throws ${inspect(failed)}`);
  return { what, isValid: whole.isValid, longestMs };
}

/** No socket and no file hands over more at once. */
function chunksOf(input: Buffer): readonly Buffer[] {
  const count = Math.max(1, Math.ceil(input.length / CHUNK_BYTES));
  return Array.from({ length: count }, (_, i) => input.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES));
}

interface Decoded {
  readonly events: readonly string[];
  readonly isValid: boolean;
  readonly longestMs: number;
  readonly untyped: unknown;
}

function decode(target: FuzzTarget, chunks: readonly Buffer[]): Decoded {
  const events: string[] = [];
  const decoding: Decoding = target.open((event) => events.push(event));
  let longestMs = 0;
  let [start, cpu] = [performance.now(), process.cpuUsage()];
  const lap = (): void => {
    // On a busy machine much of the time is that of other processes, and none of it counts here.
    const { user, system } = process.cpuUsage(cpu);
    longestMs = Math.max(longestMs, Math.min(performance.now() - start, (user + system) / 1000));
    [start, cpu] = [performance.now(), process.cpuUsage()];
  };
  const error = thrownBy(() => {
    for (const chunk of chunks) decodeChunk(decoding, chunk, lap);
    decoding.end();
  });
  lap();
  if (error === undefined) return { events, isValid: true, longestMs, untyped: undefined };
  const isTyped = target.isTyped?.(error) ?? error instanceof ApnsError;
  events.push(`error ${textOf(error)}`);
  return { events, isValid: false, longestMs, untyped: isTyped ? undefined : error };
}

/** All that a caller can tell errors by. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.name} ${error.message} ${JSON.stringify(error)}`;
}

function firstDifference(one: readonly string[], other: readonly string[]): number {
  const length = Math.max(one.length, other.length);
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return at;
  return -1;
}

function shown(event: string | undefined): string {
  return event === undefined ? 'nothing' : event.slice(0, 300);
}
