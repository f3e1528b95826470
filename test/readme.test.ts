/** What README.md and the other pages say, run and looked up, against the built package. */
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { NOTIFICATION_FIELDS } from '../src/core/notification.js';
import { createOutcomeCounts } from '../src/core/outcome.js';
import * as main from '../src/index.js';
import { mintAuthority, mintClientCertificate } from '../src/simulator/index.js';
import { ROOT, runNode } from './support/node-process.js';
import { exportPkcs12 } from './support/pkcs12.js';

const read = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8');
const readme = await read('README.md');
const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };

/** The code blocks of a language. */
function blocks(language: string): string[] {
  return [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language)
    .map(([, , code]) => code!);
}

const commands = blocks('sh').flatMap((block) => block.trimEnd().replaceAll('\\\n', '').split('\n'));

describe('README.md', () => {
  test('has a pipeline of at most 14 lines of code that runs as it is', async () => {
    const pipeline = blocks('js').find((code) => code.includes('await pipeline('));
    expect(
      pipeline!
        .trimEnd()
        .split('\n')
        .filter((line) => line !== '').length,
    ).toBeLessThanOrEqual(15);
    const { code, stdout, stderr } = await runNode('--input-type=module', '--eval', pipeline!);
    expect([code, stderr]).toEqual([0, '']);
    const outcomes = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { status: string });
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['accepted', 'rejected']);
    // Whoever has installed the package has none of its files where they work.
    expect(pipeline).not.toContain('examples/');
  });

  test('shows deliveries with options that they have', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const readFileSync = (): string => privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const create = vi.fn(main.createHttp2Delivery);
    const passphrase = 'secret';
    const pfx = exportPkcs12(mintClientCertificate(mintAuthority()), passphrase);
    const names = ['createHttp2Delivery', 'createBinaryDelivery', 'readFileSync', 'pfx', 'passphrase'];
    const values = [create, main.createBinaryDelivery, readFileSync, pfx, passphrase];
    const deliveries = blocks('js').find((code) => code.startsWith('createHttp2Delivery('));
    new Function(...names, deliveries!)(...values);
    expect(create).toHaveReturned();
  });

  test('shows notifications and outcomes with the fields they have', () => {
    const [notifications, outcomes] = blocks('json').map((block) => block.trimEnd().split('\n').map(parse));
    for (const fields of notifications!) expect(NOTIFICATION_FIELDS).toEqual(expect.arrayContaining(fields));
    expect(outcomes![0]).toEqual(['status', 'line', 'deviceToken', 'apnsId', 'context']);
    expect(outcomes![1]).toContain('reason');
  });

  test('names npm scripts that exist', () => {
    const names = commands.flatMap((line) =>
      [...line.matchAll(/npm (?:run )?(\w+)/g)].map(([, name]) => name!),
    );
    expect(names).toEqual(['install', 'ci', 'demo', 'ci', 'test']);
    for (const name of names) if (!['ci', 'install'].includes(name)) expect(scripts).toHaveProperty(name);
  });

  test.each([
    ['simulator:http2', 0, 1],
    ['encode', 0, 1],
    ['--help', 0, undefined],
  ])('has a command line with %s that runs as it is', async (word, code, lines) => {
    const line = commands.find((command) => command.startsWith('npx') && command.includes(word))!;
    const folder = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    for (const command of commands.filter((each) => each.startsWith('echo'))) {
      execFileSync('sh', ['-c', command], { cwd: folder });
    }
    const run = await runLine(line, folder);
    expect(run.code).toBe(code);
    if (lines !== undefined) expect(run.stdout.trimEnd().split('\n')).toHaveLength(lines);
  });

  test('lists every part that the package exports, and every outcome', () => {
    const parts = Object.keys(main).filter((name) => name.startsWith('create'));
    for (const part of parts) expect(readme).toContain(`\`${part}\``);
    const { resent: _, ...statuses } = createOutcomeCounts();
    for (const status of Object.keys(statuses)) expect(readme).toContain(`\`${status}\``);
  });

  test('says before the first command that Apple closed the binary gateway', () => {
    const caveat = readme.indexOf('31 March 2021');
    expect(caveat).toBeGreaterThan(0);
    expect(caveat).toBeLessThan(readme.indexOf('```'));
  });
});

/** Every page of the repository, with its path. */
const pages = (
  await Promise.all(
    ['.', 'docs', 'examples', '.github'].map(async (folder) => {
      const names = await readdir(join(ROOT, folder), { recursive: folder !== '.' });
      return names.map((name) => join(folder, name).replaceAll('\\', '/'));
    }),
  )
)
  .flat()
  .filter((name) => name.endsWith('.md'));
const docs = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');

test.each(docs)('leads from docs/README.md to %s, and back', async (page) => {
  const up = page.split('/').length === 2 ? 'README.md' : '../README.md';
  const name = page.slice('docs/'.length);
  // The package has no internals, and its pages link to nothing that it has not.
  const link = name.startsWith('internals/') ? `\`docs/${name}\`` : `](${name})`;
  expect(await read('docs/README.md')).toContain(link);
  expect(await read(page)).toContain(`](${up})`);
});

/** A page beyond this has a table of contents, unless it is a list that a tool reads. */
const LONG_PAGE_WORDS = 1500;

test.each(docs.filter((page) => page !== 'docs/internals/mutants.md'))(
  'lists the contents of %s if it is long',
  async (page) => {
    const text = await read(page);
    if (text.split(/\s+/).length <= LONG_PAGE_WORDS) return;
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading!);
    const [contents] = text.split(/^## /m);
    for (const heading of headings) expect(contents).toContain(`](#${slugOf(heading)})`);
  },
);

test.each(pages)('finds every page and heading that %s links to', async (page) => {
  for (const [link, target, anchor] of (await read(page)).matchAll(/\]\((?!\w+:)([^)#]*)(?:#([^)]*))?\)/g)) {
    const path = target === '' ? page : join(dirname(page), target!);
    expect(existsSync(join(ROOT, path)), link).toBe(true);
    if (anchor !== undefined) expect(slugs(await read(path)), link).toContain(anchor);
  }
});

test('finds every file that ARCHITECTURE.md names, in fewer than 150 lines', async () => {
  const architecture = await read('ARCHITECTURE.md');
  expect(architecture.split('\n').length).toBeLessThanOrEqual(150);
  const names = [
    ...architecture.matchAll(/`((?:src\/)?(?!apns-streams)[a-z][\w-]*\/[\w/-]*(?:\.ts|\.md)?)`/g),
  ].map(([, name]) => name!);
  expect(names.length).toBeGreaterThan(15);
  for (const name of names) {
    const places = [name, `src/${name}`, `src/${name}.ts`].map((place) => join(ROOT, place));
    expect(places.some(existsSync), name).toBe(true);
  }
});

test('has the table of outcomes in one place', async () => {
  const tables = await Promise.all(
    pages.map(async (page) => (/^\| `unsent` \|/m.test(await read(page)) ? [page] : [])),
  );
  expect(tables.flat()).toEqual(['docs/delivery-guarantees.md']);
});

test('compares CPU times that docs/performance.md has', async () => {
  const [, section = ''] = (await read('docs/performance.md')).split('## P2');
  const figureOf = (row: string): string =>
    new RegExp(`^\\| ${row} +\\|[^|]+\\| +([\\d.]+) \\|`, 'm').exec(section)?.[1] ?? expect.unreachable(row);
  const rows = ['objects → sink → outcomes', '@parse/node-apn', 'apns2'].map(figureOf);
  expect(readme).toContain(`| CPU time for one push | ${rows.map((figure) => `${figure} µs`).join(' | ')} |`);
});

function parse(line: string): string[] {
  return Object.keys(JSON.parse(line));
}

/** The anchors that GitHub gives the headings of a page. */
function slugs(page: string): string[] {
  const times = new Map<string, number>();
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => {
    const slug = slugOf(heading!);
    const before = times.get(slug) ?? 0;
    times.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}

function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/\]\([^)]*\)/g, '')
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** Runs `npx apns-streams …`, or several of them joined by `|`. */
async function runLine(line: string, cwd: string): Promise<{ code: number | null; stdout: string }> {
  const children = line.split(' | ').map((command) => {
    const args = command.replace(/^npx apns-streams /, '').split(' ');
    const child = spawn(process.execPath, [join(ROOT, 'dist/cli/main.js'), ...args], {
      cwd,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    return child;
  });
  for (const [i, child] of children.slice(1).entries()) children[i]!.stdout.pipe(child.stdin);
  const last = children.at(-1)!;
  const exit = new Promise<number | null>((resolve) => last.once('exit', resolve));
  return { stdout: await text(last.stdout), code: await exit };
}
