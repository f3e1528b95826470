import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../../src/cli/exit-code.js';
import { LineRanges } from '../../../src/cli/input/line-ranges.js';
import {
  beginsAsLedger,
  decodeLedger,
  decodeLedgerHeader,
  encodeLedger,
  encodeLedgerEntry,
  type LedgerContent,
} from '../../../src/cli/resume/ledger-format.js';

const HEADER = {
  input: { path: 'in.ndjson', bytes: 120, sha256: 'ab'.repeat(32) },
  to: 'sandbox',
  window: 64,
};
const REFUSED = expect.objectContaining({ exitCode: ExitCode.BadConfiguration, hint: expect.any(String) });

function ranges(...all: [number, number][]): LineRanges {
  const made = new LineRanges();
  for (const [first, last] of all) made.add(first, last);
  return made;
}

const START = encodeLedger(HEADER, ranges([1, 10], [13, 14]));
const ENTRIES = [
  encodeLedgerEntry({ through: 14, beyond: [[20, 22]] }),
  encodeLedgerEntry({
    through: 14,
    beyond: [
      [30, 30],
      [24, 24],
    ],
  }),
  encodeLedgerEntry({ through: 30, beyond: [], ended: 'idle' }),
];
const WHOLE = Buffer.from(START + ENTRIES.join(''));

/** What is settled, as `through+beyond`. */
const told = ({ settled, ended }: LedgerContent): string =>
  `${settled.through}+${settled.beyond.map((each) => each.join('-'))} ${ended}`;

/** What a ledger says that ends behind so many entries. */
const TOLD = ['10+13-14 undefined', '14+20-22 undefined', '14+20-22,24-24,30-30 undefined', '30+ idle'];

describe('a ledger', () => {
  it('says what was written to it', () => {
    const content = decodeLedger(WHOLE, 'ledger');
    expect(content.header).toMatchObject(HEADER);
    expect(told(content)).toBe(TOLD[3]);
  });

  it('is a checksum and JSON on every line', () => {
    expect(encodeLedgerEntry({ through: 2, beyond: [[4, 5]] })).toBe(
      'c07ede9f {"through":2,"beyond":[[4,5]]}\n',
    );
  });

  it('is used up to its last whole entry, wherever a kill has cut it off', () => {
    let size = START.length;
    for (const [whole, entry] of ENTRIES.entries()) {
      for (let cut = 0; cut < entry.length; cut++) {
        expect(told(decodeLedger(WHOLE.subarray(0, size + cut), 'ledger'))).toBe(TOLD[whole]);
      }
      size += entry.length;
    }
  });

  it('is refused when it ends in its header or its snapshot, which no kill can do', () => {
    for (let size = 0; size < START.length; size++) {
      expect(() => decodeLedger(WHOLE.subarray(0, size), 'ledger')).toThrow(REFUSED);
    }
  });

  it('is refused for any changed byte before its last entry', () => {
    const end = WHOLE.length - ENTRIES[2]!.length;
    for (let at = 0; at < end; at++) {
      const damaged = Buffer.from(WHOLE);
      damaged[at] = damaged[at]! ^ 1;
      expect(() => decodeLedger(damaged, 'ledger'), `byte ${at}`).toThrow(REFUSED);
    }
  });

  it('says which lines were refused and are not settled, through a rewriting as well', () => {
    const entries = [
      encodeLedgerEntry({
        through: 10,
        beyond: [],
        refused: [
          [11, 12],
          [16, 20],
        ],
      }),
      encodeLedgerEntry({ through: 14, beyond: [[18, 18]] }),
    ].join('');
    const { settled, refused } = decodeLedger(Buffer.from(START + entries), 'ledger');
    expect([...refused]).toEqual([
      [16, 17],
      [19, 20],
    ]);
    const again = decodeLedger(Buffer.from(encodeLedger(HEADER, settled, refused)), 'ledger');
    expect([...again.refused]).toEqual([...refused]);
    expect(encodeLedger(HEADER, settled)).not.toContain('refused');
  });

  it('does not count as ended when something torn follows', () => {
    expect(decodeLedger(Buffer.concat([WHOLE, Buffer.from('1234')]), 'ledger').ended).toBeUndefined();
  });

  it.each([
    ['nothing, whose checksum is 0', ''],
    ['no JSON', '{"through":'],
    ['no object', 'null'],
    ['lines that cannot be', '{"through":-1,"beyond":[]}'],
    ['a range that is none', '{"through":1,"beyond":[[5,4]]}'],
    ['no ranges', '{"through":1}'],
    ['refused lines that cannot be', '{"through":1,"beyond":[],"refused":[[0,1]]}'],
    ['an ending of another kind', '{"through":1,"beyond":[],"ended":"so"}'],
  ])('is refused when an entry with the right checksum holds %s', (_what, json) => {
    const entry = `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
    expect(() => decodeLedger(Buffer.from(START + entry), 'ledger')).toThrow(REFUSED);
    expect(() => decodeLedger(Buffer.from(entry + START), 'ledger')).toThrow(REFUSED);
  });

  it('is refused when its header with the right checksum lacks something', () => {
    for (const field of ['"to":"sandbox"', '"window":64', '"path":"in.ndjson"', '"bytes":120']) {
      const json = START.slice(9, START.indexOf('\n')).replace(field, '"other":0');
      const text = `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
      const ledger = text + START.slice(START.indexOf('\n') + 1);
      expect(() => decodeLedger(Buffer.from(ledger), 'ledger'), field).toThrow(REFUSED);
    }
  });

  it('is refused when its version is another one', () => {
    const json = START.slice(9, START.indexOf('\n')).replace('"version":1', '"version":2');
    const text = `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
    expect(() => decodeLedger(Buffer.from(text + START.slice(START.indexOf('\n') + 1)), 'ledger')).toThrow(
      /version 2/,
    );
  });
});

/** A line with the right checksum. */
const line = (json: string): string => `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;

describe('an entry of a ledger', () => {
  it('names an ending and a window only where it has one', () => {
    const json = (entry: Parameters<typeof encodeLedgerEntry>[0]): string =>
      encodeLedgerEntry(entry).slice(9, -1);
    expect(json({ through: 1, beyond: [] })).toBe('{"through":1,"beyond":[]}');
    expect(json({ through: 1, beyond: [], ended: 'complete', window: 9, refused: [[2, 3]] })).toBe(
      '{"through":1,"beyond":[],"ended":"complete","window":9,"refused":[[2,3]]}',
    );
  });

  it('with a wider window widens that of the ledger, and one with a narrower does not', () => {
    const widest = (...windows: number[]): number => {
      const entries = windows.map((window) => encodeLedgerEntry({ through: 14, beyond: [], window }));
      return decodeLedger(Buffer.from(START + entries.join('')), 'ledger').header.window;
    };
    expect([widest(), widest(100), widest(100, 80), widest(7)]).toEqual([64, 100, 100, 64]);
  });

  it.each(['complete', 'idle'] as const)('says that the sending has ended: %s', (ended) => {
    const entry = encodeLedgerEntry({ through: 14, beyond: [], ended });
    expect(decodeLedger(Buffer.from(START + entry), 'ledger').ended).toBe(ended);
  });

  it.each([
    '{"through":1,"beyond":[[1,2,3]]}',
    '{"through":1,"beyond":[[1]]}',
    '{"through":1,"beyond":["12"]}',
    '{"through":1,"beyond":[{"0":1,"1":2,"length":2}]}',
    '{"through":1,"beyond":[],"window":0}',
    '{"through":1,"beyond":[],"ended":""}',
  ])('is damage where it says %s', (json) => {
    expect(() => decodeLedger(Buffer.from(START + line(json)), 'ledger')).toThrow(REFUSED);
  });

  it('that is damaged is named by its line', () => {
    const formatMessage = (text: string): string => {
      try {
        return String(decodeLedger(Buffer.from(text), 'it'));
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(formatMessage(`${START}x\n`)).toMatch(/^the ledger it is damaged in line 3$/);
    expect(formatMessage(`${START}${ENTRIES[0]}\n`)).toMatch(/ in line 4$/);
    expect(formatMessage('')).toMatch(/^the ledger it is empty/);
    expect(formatMessage('x')).toMatch(/^the ledger it is not a ledger/);
    expect(formatMessage(START.slice(0, START.indexOf('\n') + 1))).toMatch(/ ends in line 2$/);
  });
});

describe('the header of a ledger', () => {
  it('is read without what follows it', () => {
    const end = START.indexOf('\n') + 1;
    expect(decodeLedgerHeader(Buffer.from(START.slice(0, end)), 'ledger')).toMatchObject(HEADER);
    for (const text of [START.slice(0, end - 1), '\n', `\n${START}`])
      expect(() => decodeLedgerHeader(Buffer.from(text), 'ledger')).toThrow(REFUSED);
  });

  it('names this package: what another one wrote is no ledger', () => {
    const json = START.slice(9, START.indexOf('\n')).replace('"apns-streams"', '"another"');
    expect(() => decodeLedgerHeader(Buffer.from(line(json)), 'ledger')).toThrow(/not a ledger/);
    expect(json.startsWith('{"ledger":"another","version":1,')).toBe(true);
  });
});

describe('what a kill may have left of the beginning of a ledger', () => {
  it('is any beginning of it', () => {
    for (let size = 0; size <= START.length; size++)
      expect(beginsAsLedger(Buffer.from(START.slice(0, size))), `${size} bytes`).toBe(true);
    expect(beginsAsLedger(WHOLE)).toBe(true);
  });

  it.each([
    'xxxxxxxx {"ledger":"apns-streams",',
    '0123456 7{"ledger":"apns-streams",',
    '012345678{"ledger":"apns-streams",',
    '01234567 {"ledger":"another",',
    '01234567 {"deviceToken":',
    '01234567 "apns-streams",',
    '01234567 }',
    '{"deviceToken":"ab"}',
    'ab c',
    '0123456g',
    'not a ledger',
  ])('is not %s', (text) => {
    expect(beginsAsLedger(Buffer.from(text))).toBe(false);
  });
});
