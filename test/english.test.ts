/**
 * Keeps words out of the sources and the documentation that a reader of technical English stumbles over: old words,
 * idioms, and metaphors for protocol events. Comments, messages and identifiers all count.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './support/node-process.js';

/** Words, each in the forms that exist, with a better word. */
const WORDS: readonly (readonly [words: string, better: string])[] = [
  ['mend mends mended mending', 'fix, retry'],
  ['tell tells telling told', 'report, identify, say'],
  ['heed heeds heeded unheeded', 'obey, apply'],
  ['dear dearer dearly', 'expensive'],
  ['shall', 'must, will'],
  ['whoever whomever whosoever', 'the client, the reader, whatever the actor is'],
  ['nobody', 'no caller, no reader, whatever the actor is'],
  ['beforehand', 'earlier, in advance'],
  ['farewell farewells goodbye goodbyes', 'GOAWAY, close_notify'],
  ['verdict verdicts judge judges judged judging acquit acquits', 'classify, check'],
  ['complaint complaints complain complains', 'error, message'],
  ['doom doomed', 'denied by GOAWAY'],
  ['strike strikes struck', 'consume, apply'],
  ['abandon abandons abandoned', 'destroy, drop'],
  ['distrust distrusts distrusted', 'record a failure'],
  ['suspect suspects suspected', 'the held error'],
  ['breach breaches', 'protocol error, violation'],
  ['perish perishes perished', 'fail, exit'],
  ['lest thereof whence hence wherein thereby', 'two plain sentences'],
];

/** Idioms, in any form of white space between their words. */
const IDIOMS: readonly (readonly [idiom: string, better: string])[] = [
  ['(?:go|goes|going|went|gone) away', 'closes, exits'],
  ['of (?:its|their) own', 'its own …, separate'],
  ['at hand', 'current'],
  ['for want of', 'without'],
  ['(?:has|have|had) (?:its|their) say', 'is applied'],
  ['there is no way to', 'is unreachable'],
  ['cannot but', 'must'],
  [
    '(?:is|are) no (?:object|directory|option|packet|notification|ledger|frame|number|gateway|proof)s?',
    'is not a',
  ],
];

const LISTS = ['src', 'docs', 'examples'];
const FILES = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'];
const TEXT = /\.(?:ts|mjs|md)$/;
/** Installed packages are not part of this project. */
const FOREIGN = /(?:^|\/)node_modules\//;

const PATTERNS = [
  ...WORDS.map(([words, better]) => ({ pattern: words.split(' ').join('|'), better })),
  ...IDIOMS.map(([idiom, better]) => ({
    pattern: idiom.replaceAll(' ', '(?:\\s+|\\s*\\n\\s*(?:\\*|//)\\s*)'),
    better,
  })),
].map(({ pattern, better }) => ({ pattern: new RegExp(`(?<![a-z])(?:${pattern})(?![a-z])`, 'gi'), better }));

/** `#spareDoomed` and `GOODBYE_MS` become words, with as many characters as before. */
function inWords(text: string): string {
  return text.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter}`).replaceAll('_', ' ');
}

function findings(file: string, text: string): string[] {
  const words = inWords(text);
  return PATTERNS.flatMap(({ pattern, better }) =>
    [...words.matchAll(pattern)].map(({ 0: found, index }) => {
      const line = words.slice(0, index).split('\n').length;
      return `${file}:${line}: "${found.replace(/\s+/g, ' ')}": write ${better}`;
    }),
  );
}

const files = [
  ...LISTS.flatMap((list) =>
    readdirSync(join(ROOT, list), { recursive: true, encoding: 'utf8' }).map((name) => `${list}/${name}`),
  ),
  ...FILES,
].filter((file) => TEXT.test(file) && !FOREIGN.test(file));

describe('the English', () => {
  it('has none of the words that make a reader stumble', () => {
    const all = files.flatMap((file) => findings(file, readFileSync(join(ROOT, file), 'utf8')));
    expect(all).toEqual([]);
  });

  it('finds words in comments, in messages, in identifiers, and across the lines of a comment', () => {
    const text =
      "// Nobody.\nthrow 'it is doomed';\n#spareDoomed();\nGOODBYE_MS;\n/**\n * goes\n * away\n */\nmendable";
    expect(findings('a.ts', text).map((finding) => finding.split(': write')[0])).toEqual([
      'a.ts:1: "Nobody"',
      'a.ts:4: "GOODBYE"',
      'a.ts:2: "doomed"',
      'a.ts:3: "Doomed"',
      'a.ts:6: "goes * away"',
    ]);
  });
});
