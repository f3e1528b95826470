/**
 * Compiles uses of the built package with each compiler, and each with another version of Node's declarations. The files
 * in `cases/` must compile; `@ts-expect-error` fails where there is no error. `npm run test:types` installs the compilers.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../support/node-process.js';
import { completeWithServer } from './language-server.js';

const HERE = join(ROOT, 'test/types');
const FILE = join(HERE, 'cases', 'edited.ts');
const COMPILERS = ['typescript-5', 'typescript-6', 'typescript-7'];

/** Compiles the cases, and returns the errors that the compiler prints. */
async function compile(compiler: string, ...options: readonly string[]): Promise<string> {
  const folder = join(HERE, compiler);
  const tsc = join(folder, 'node_modules/typescript/bin/tsc');
  const compiling = promisify(execFile)(process.execPath, [tsc, '-p', folder, ...options]);
  const { stdout, stderr } = await compiling.catch((error: { stdout: string; stderr: string }) => error);
  return `${stdout}${stderr}`;
}

test.each(COMPILERS)('%s accepts the cases, and finds every mistake in them', async (compiler) => {
  const { version } = createRequire(join(HERE, compiler, 'x.js'))('typescript/package.json');
  expect(version).toMatch(compiler === 'typescript-5' ? /^5\.9\./ : new RegExp(`^${compiler.at(-1)}\\.`));
  expect(await compile(compiler)).toBe('');
});

test.each(COMPILERS)('%s does so with the other settings that users have', async (compiler) => {
  const lax = ['--exactOptionalPropertyTypes', 'false', '--skipLibCheck'];
  expect(await compile(compiler, '--module', 'node16', ...lax)).toBe('');
  expect(await compile(compiler, '--module', 'node20', ...lax)).toBe('');
  expect(await compile(compiler, '--module', 'preserve', ...lax)).toBe('');
});

/** The start of a user's file; the cursors below follow it. */
const EDITED = `
import { createHttp2Delivery } from 'apns-streams';
const delivery = createHttp2Delivery({ environment: 'sandbox' });
`;
const CURSORS: readonly (readonly [name: string, code: string, words: readonly string[]])[] = [
  ['a field', 'delivery.write({ | })', ['deviceToken', 'payload', 'pushType', 'channelId', 'context']],
  ['a field in end()', "delivery.end({ deviceToken: 'ab', | })", ['payload', 'collapseId', 'expiration']],
  [
    'a push type',
    "delivery.write({ deviceToken: 'ab', payload: {}, pushType: '|' })",
    ['alert', 'liveactivity'],
  ],
  [
    'a key of aps',
    'delivery.write({ payload: { aps: { | } } })',
    ['alert', 'badge', 'thread-id', 'content-available'],
  ],
  ['an event', "delivery.on('|')", ['data', 'error', 'drain', 'finish']],
  [
    'a reason',
    "for await (const o of delivery) o.reason === '|';",
    ['Unregistered', 'InvalidToken', 'ConnectTimeout'],
  ],
];

const TEXTS = CURSORS.map(([, code]) => `${EDITED}${code}\n`);
const MISSPELT = `${EDITED}delivery.write({ deviceTokn: 'ab', payload: {} });|\n`;

describe.each(['typescript-5', 'typescript-6'])('the language service of %s', (compiler) => {
  let shown: readonly { readonly completions: readonly string[]; readonly errors: readonly string[] }[];
  beforeAll(() => {
    const args = [join(HERE, 'language-service.mjs'), join(HERE, compiler), FILE];
    const input = JSON.stringify([...TEXTS, MISSPELT]);
    shown = JSON.parse(execFileSync(process.execPath, args, { input, encoding: 'utf8' }));
  });

  test.each(CURSORS)('completes %s: %s', (name, _code, words) => {
    const { completions } = shown[CURSORS.findIndex(([other]) => other === name)]!;
    expect(completions.map(unquoted)).toEqual(expect.arrayContaining([...words]));
    expect(completions).not.toContain('charCodeAt');
  });

  test('names the misspelt field, and the one that was meant', () => {
    expect(shown.at(-1)!.errors).toEqual([
      expect.stringMatching(/'deviceTokn' does not exist in type .*Did you mean to write 'deviceToken'\?/),
    ]);
  });
});

describe('the language server of typescript-7', () => {
  let completed: string[][];
  beforeAll(async () => {
    // In the package, so that its name leads to dist/.
    mkdirSync(join(ROOT, '.tmp'), { recursive: true });
    const project = mkdtempSync(join(ROOT, '.tmp', 'edited-'));
    try {
      const config = { extends: join(HERE, 'typescript-7', 'tsconfig.json'), include: ['*.ts'] };
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
      writeFileSync(join(project, 'edited.ts'), EDITED);
      completed = await completeWithServer(join(HERE, 'typescript-7'), join(project, 'edited.ts'), TEXTS);
    } finally {
      rmSync(project, { recursive: true });
    }
  });

  test.each(CURSORS)('completes %s: %s', (name, _code, words) => {
    const completions = completed[CURSORS.findIndex(([other]) => other === name)]!;
    expect(completions.map(unquoted)).toEqual(expect.arrayContaining([...words]));
    expect(completions).not.toContain('charCodeAt');
  });
});

function unquoted(name: string): string {
  return name.replace(/^(['"])(.*)\1\??$|\?$/, '$2');
}
