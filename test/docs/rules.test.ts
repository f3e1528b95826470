import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Http2Rule } from '../../src/rules/rule.js';
import { HTTP2_RULES } from '../../src/rules/rules.js';

const text = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8');

const row = ({ id, field, severity, requirement, source }: Http2Rule): string =>
  `| \`${id}\` | ${field === undefined ? '' : `\`${field}\``} | ${severity} | ${requirement} | [${source.title}](${source.url.replace('docs/', '')}) |`;

describe('docs/rules.md', () => {
  it('shows every rule as the table has it, in its order', () => {
    expect(text.split('\n').filter((line) => line.startsWith('| `'))).toEqual(HTTP2_RULES.map(row));
  });
});
