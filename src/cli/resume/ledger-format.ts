/**
 * Encodes and decodes a ledger, without I/O. A ledger is text with one entry per line:
 *
 *     crc32, 8 hex digits │ space │ JSON │ newline
 *
 *     {"ledger":"apns-streams","version":1,"input":{"path","bytes","sha256"},"to","window"}
 *     {"through":1000,"beyond":[[1003,1005]]}                the snapshot: all that is settled
 *     {"through":1002,"beyond":[[1010,1010]]}                and what has come to it since, …
 *     {"through":1002,"beyond":[],"window":1010}             from now on more may be under way
 *     {"through":1002,"beyond":[],"refused":[[3,9]]}         these are open: credentials or options were refused
 *     {"through":1010,"beyond":[],"ended":"complete"}
 *
 * Header and snapshot are put in place together, by renaming a file, so they are whole even after a kill.
 * Later entries are appended: a kill can leave the last one without its newline, and nothing else.
 */
import { crc32 } from 'node:zlib';
import { CommandError } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import { type LineRange, LineRanges } from '../input/line-ranges.js';

/** The input that a ledger belongs to. */
export interface InputIdentity {
  /** The path that was given. It is shown in messages and never compared. */
  readonly path: string;
  readonly bytes: number;
  /** The hash of the whole content, in hex. */
  readonly sha256: string;
}

/** The first line of a ledger. */
export interface LedgerHeader {
  readonly input: InputIdentity;
  /** The target, as `--to` gave it. */
  readonly to: string;
  /** The maximum number of notifications in flight, including those of killed runs that were not resumed. */
  readonly window: number;
}

/**
 * How a run ended: `complete` if every line is settled, `idle` if it stopped early and the outcome of everything that
 * was sent is known. Absent while the run continues, and after a kill.
 */
export type LedgerEnding = 'complete' | 'idle';

/** Lines that were settled: all lines up to `through`, and the ranges beyond it. */
export interface LedgerEntry {
  readonly through: number;
  readonly beyond: readonly LineRange[];
  readonly ended?: LedgerEnding;
  /** Replaces the window of the {@link LedgerHeader} from this entry on. */
  readonly window?: number;
  /** Lines that were refused because of credentials or options. A line is open until a later run settles it. */
  readonly refused?: readonly LineRange[];
}

/** The decoded content of a ledger. */
export interface LedgerContent {
  readonly header: LedgerHeader;
  readonly settled: LineRanges;
  /** These are not settled, because only the credentials or options were refused. */
  readonly refused: LineRanges;
  readonly ended: LedgerEnding | undefined;
}

const NAME = 'apns-streams';
const VERSION = 1;
const NEWLINE = 0x0a;

/** The hint for a ledger that cannot be used. */
export const START_OVER =
  'the printed outcomes show which lines are settled; to send every line again, give a LEDGER that does not exist yet';

/** The beginning of a ledger: its header, and a snapshot of what is settled and of what was refused. */
export function encodeLedger(
  { input, to, window }: LedgerHeader,
  settled: LineRanges,
  refused: LineRanges = new LineRanges(),
): string {
  const { through, beyond } = settled;
  return (
    encodeLine({ ledger: NAME, version: VERSION, input, to, window }) +
    encodeLedgerEntry({ through, beyond, refused: [...refused.without(settled)] })
  );
}

/** Encodes an entry that is appended when more lines are settled. */
export function encodeLedgerEntry({ through, beyond, ended, window, refused = [] }: LedgerEntry): string {
  return encodeLine({ through, beyond, ended, window, ...(refused.length === 0 ? {} : { refused }) });
}

/**
 * Decodes a ledger. A last line without a newline is ignored, because a kill interrupted its write.
 *
 * @param name what to call the ledger in an error
 * @throws {CommandError} exit code 78 for bytes that are not a ledger, another version, and a damaged ledger
 */
export function decodeLedger(bytes: Buffer, name: string): LedgerContent {
  const header = decodeLedgerHeader(bytes, name);
  let { window } = header;
  const settled = new LineRanges();
  const refused = new LineRanges();
  let ended: LedgerEnding | undefined;
  let start = bytes.indexOf(NEWLINE) + 1;
  let line = 2;
  for (let end = bytes.indexOf(NEWLINE, start); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    const entry = decodeLine(bytes.toString('utf8', start, end));
    if (!isEntry(entry)) throw unusableLedger(name, `is damaged in line ${line}`);
    settled.add(1, entry.through);
    for (const [first, last] of entry.beyond) settled.add(first, last);
    for (const [first, last] of entry.refused ?? []) refused.add(first, last);
    ended = entry.ended;
    window = Math.max(window, entry.window ?? 0);
    start = end + 1;
    line++;
  }
  // Header and snapshot are written together, so a ledger never ends here.
  if (line === 2) throw unusableLedger(name, 'is damaged: it ends in line 2');
  return {
    header: { ...header, window },
    settled,
    refused: refused.without(settled),
    ended: start === bytes.length ? ended : undefined,
  };
}

/**
 * Decodes the header of a ledger. `bytes` must contain at least its first line.
 *
 * @throws {CommandError} exit code 78 for bytes that are not a ledger, and for another version
 */
export function decodeLedgerHeader(bytes: Buffer, name: string): LedgerHeader {
  const end = bytes.indexOf(NEWLINE);
  const header = end < 0 ? undefined : decodeLine(bytes.toString('utf8', 0, end));
  const { ledger, version } = (header ?? {}) as { readonly ledger?: unknown; readonly version?: unknown };
  if (ledger !== NAME) {
    throw unusableLedger(
      name,
      bytes.length === 0 ? 'is empty, so it is not a ledger' : 'is not a ledger, or is damaged in line 1',
    );
  }
  if (version !== VERSION) {
    throw unusableLedger(
      name,
      `has version ${String(version)}, but this command supports only version ${VERSION}`,
    );
  }
  if (!isHeader(header)) throw unusableLedger(name, 'is damaged in line 1');
  return header;
}

/** Whether these bytes may be the beginning of a ledger, which a killed run left. */
export function beginsAsLedger(bytes: Buffer): boolean {
  const begin = `{"ledger":${JSON.stringify(NAME)},`;
  const text = bytes.toString('latin1', 9, 9 + begin.length);
  return begin.startsWith(text) && /^(?:[0-9a-f]{0,8}$|[0-9a-f]{8} )/.test(bytes.toString('latin1', 0, 9));
}

function encodeLine(value: object): string {
  const json = JSON.stringify(value);
  return `${checksum(json)} ${json}\n`;
}

/** The value of a line without its newline, or `undefined` if the checksum does not match. */
function decodeLine(line: string): unknown {
  const json = line.slice(9);
  if (line.slice(0, 9) !== `${checksum(json)} `) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    // The checksum of an empty text is 00000000, so a valid checksum does not imply valid JSON.
    return undefined;
  }
}

function isHeader(value: unknown): value is LedgerHeader {
  const { input, to, window } = (value ?? {}) as Partial<Record<keyof LedgerHeader, unknown>>;
  const { path, bytes, sha256 } = (input ?? {}) as Partial<Record<keyof InputIdentity, unknown>>;
  const texts = [path, sha256, to];
  return texts.every((text) => typeof text === 'string') && isCount(bytes, 0) && isCount(window, 1);
}

function isEntry(value: unknown): value is LedgerEntry {
  const fields = (value ?? {}) as Partial<Record<keyof LedgerEntry, unknown>>;
  const { through, beyond, ended, window = 1, refused = [] } = fields;
  const isRange = (range: unknown): boolean =>
    Array.isArray(range) && range.length === 2 && isCount(range[0], 1) && isCount(range[1], range[0]);
  const isEnding = ended === undefined || ended === 'complete' || ended === 'idle';
  const areRanges = (ranges: unknown): boolean => Array.isArray(ranges) && ranges.every(isRange);
  return isCount(through, 0) && areRanges(beyond) && areRanges(refused) && isEnding && isCount(window, 1);
}

function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}

/** The error for a ledger that cannot be used, with what to do about it. */
export function unusableLedger(name: string, problem: string, hint: string = START_OVER): CommandError {
  return new CommandError(ExitCode.BadConfiguration, `the ledger ${name} ${problem}`, { hint });
}
