/** The ledger of `send --resume`. */
import { isDeepStrictEqual } from 'node:util';
import { crc32 } from 'node:zlib';
import { CommandError } from '../../../src/cli/command-error.js';
import { LineRanges } from '../../../src/cli/input/line-ranges.js';
import { decodeLedger, encodeLedger, encodeLedgerEntry } from '../../../src/cli/resume/ledger-format.js';
import { decodeWhole, type FuzzTarget, thrownBy } from '../fuzz-target.js';
import type { Random } from '../random.js';

const HEADER = {
  input: { path: 'in.ndjson', bytes: 120, sha256: 'ab'.repeat(32) },
  to: 'sandbox',
  window: 64,
};

function ledger(random: Random | undefined, entries: number): Buffer {
  const settled = new LineRanges();
  settled.add(1, 10);
  let text = encodeLedger(HEADER, settled);
  for (let nth = 1; nth <= entries; nth++) {
    const first = random === undefined ? nth * 20 : 11 + random.below(1000);
    settled.add(first, first + 2);
    text += encodeLedgerEntry({ through: settled.through, beyond: [[first, first + 2]] });
  }
  if (random === undefined || random.oneIn(4)) {
    text += encodeLedgerEntry({ through: settled.through, beyond: [], ended: 'idle' });
  }
  return Buffer.from(text);
}

const LEDGER: FuzzTarget = {
  name: 'ledger',
  about: 'the ledger of send --resume, torn and damaged',
  golden: [ledger(undefined, 0), ledger(undefined, 5)],
  maxHeldBytes: 4096,
  dictionary: [
    ...[
      '\n',
      '\0',
      '{',
      '}',
      '[]',
      '[[1,2]]',
      '"through":',
      '"beyond":',
      '"ended":"complete"',
      'null',
      '-1',
      '1e99',
    ],
    ...['00000000 \n', '"window":', '"version":2', ',', '0.5', '"'],
  ],
  whole: true,
  generate: (random) => ledger(random, random.below(6)),
  mend: (bytes) =>
    Buffer.from(
      bytes
        .toString('latin1')
        .split('\n')
        .map((line, nth, { length }) => (nth + 1 < length ? withChecksum(line) : line))
        .join('\n'),
      'latin1',
    ),
  isTyped: (error) => error instanceof CommandError && error.exitCode === 78 && error.hint !== undefined,
  open: (tell) => decodeWhole((input) => tell(told(input))),
  law: ledgerProblem,
};

export const LEDGER_TARGETS: readonly FuzzTarget[] = [LEDGER];

function told(input: Buffer): string {
  const { header, settled, ended } = decodeLedger(input, 'ledger');
  return JSON.stringify([header, [...settled], ended]);
}

/** Whatever is accepted says the same when it is written anew, and never more than before it was broken off. */
function ledgerProblem(input: Buffer): string | undefined {
  let before: string | undefined;
  thrownBy(() => {
    before = told(input);
  });
  if (before === undefined) return undefined;
  const { header, settled, ended } = decodeLedger(input, 'ledger');
  if (!Number.isSafeInteger(header.window) || header.window < 1) return `a window of ${header.window}`;
  for (const [first, last] of settled) {
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last) || first < 1)
      return `lines ${first} to ${last}`;
  }
  const anew = decodeLedger(Buffer.from(encodeLedger(header, settled)), 'ledger');
  if (!isDeepStrictEqual([...anew.settled], [...settled])) return 'settles other lines when written anew';
  const torn = decodeLedger(Buffer.concat([input, Buffer.from('5d')]), 'ledger');
  if (!isDeepStrictEqual([...torn.settled], [...settled]))
    return 'settles other lines with a torn entry behind';
  return torn.ended === undefined || ended === undefined ? undefined : 'has ended, though something follows';
}

function withChecksum(line: string): string {
  const json = line.slice(9);
  return `${crc32(Buffer.from(json, 'latin1')).toString(16).padStart(8, '0')} ${json}`;
}
