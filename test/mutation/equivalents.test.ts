import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/node-process.js';
import { Equivalents } from './equivalents.js';

const PAGE = `# Mutants
- a list outside of a diff block
\`\`\`diff
- outside of a file
+ outside of any file
\`\`\`
## src/a.ts
Only faster.
\`\`\`diff
- if (length  > 0) grow();
+ if (true) grow();
+ if (length >= 0)   grow();
\`\`\`
## src/b.ts
Never read.
\`\`\`diff
- #last = -1;
+ #last = +1;
- return -1;
+ return +1;
\`\`\`
`;

test('lists each line with + as a change of the line with - above it, of the file in the heading', () => {
  const listed = new Equivalents(PAGE);
  expect(listed.of('src/a.ts')).toEqual([
    { before: 'if (length > 0) grow();', after: 'if (true) grow();' },
    { before: 'if (length > 0) grow();', after: 'if (length >= 0) grow();' },
  ]);
  expect(listed.has('src/b.ts', { before: 'return -1;', after: 'return +1;' })).toBe(true);
  expect(listed.has('src/b.ts', { before: '#last = -1;', after: 'return +1;' })).toBe(false);
  expect(listed.has('src/a.ts', { before: 'return -1;', after: 'return +1;' })).toBe(false);
  expect(listed.of('src/c.ts')).toEqual([]);
});

test('refuses a line in a diff block that is no part of a change', () => {
  expect(() => new Equivalents('## src/a.ts\n```diff\n+ no line above\n```\n')).toThrow(/line 3/);
  expect(() => new Equivalents('## src/a.ts\n```diff\n- a\n+ b\nc\n```\n')).toThrow(/line 5/);
});

test('reads the list of this project, and finds each line in its source file', () => {
  const page = readFileSync(join(ROOT, 'docs/internals/mutants.md'), 'utf8');
  const listed = new Equivalents(page);
  for (const [, file] of page.matchAll(/^## (src\/\S+)$/gm)) {
    const source = readFileSync(join(ROOT, file!), 'utf8').replaceAll(/\s+/g, ' ');
    expect(listed.of(file!)).not.toEqual([]);
    for (const { before } of listed.of(file!)) expect(source, file!).toContain(before);
  }
});
