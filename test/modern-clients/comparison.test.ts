/** The table of README.md that compares this package with others: the rows that their packages can confirm. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Stream } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { encodeTokenFault } from '../../src/simulator/token-fault.js';
import { startSimulator } from '../end-to-end/processes.js';
import { ROOT } from '../support/node-process.js';
import { runClient } from './run-client.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const requireFromHere = createRequire(import.meta.url);
const lock = JSON.parse(readFileSync(join(HERE, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { version: string; dependencies?: Record<string, string>; bin?: unknown }>;
};
const table = readFileSync(join(ROOT, 'README.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(0, 12)
  .map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
const PEERS = [
  ['@parse/node-apn', 2],
  ['apns2', 3],
] as const;

/** What the table says of a peer in the row that begins so. */
function cell(row: string, column: number): string {
  return table.find(([name]) => name!.startsWith(row))?.[column] ?? expect.unreachable(row);
}

/** The names of a package and of all that npm installs with it. */
function closure(name: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  const { dependencies = {} } = lock.packages[`node_modules/${name}`]!;
  for (const dependency of Object.keys(dependencies)) closure(dependency, found);
  return found;
}

describe.each(PEERS)('%s', (name, column) => {
  const folder = join(HERE, 'node_modules', name);
  const declarations = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.d.ts') && !file.includes('node_modules'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');

  test('is compared in the version that is tested', () => {
    expect(table[0]![column]).toBe(`[${name}] ${lock.packages[`node_modules/${name}`]!.version}`);
  });

  test('installs as many packages as the table says', () => {
    expect(cell('packages', column)).toBe(`${closure(name).size}`);
  });

  test('exports no stream', () => {
    expect(cell('streams with', column)).toBe('no');
    const exported = Object.values(requireFromHere(name)) as { prototype?: object }[];
    expect(exported.length).toBeGreaterThan(2);
    expect(exported.filter(({ prototype }) => prototype instanceof Stream)).toEqual([]);
  });

  test('has no command', () => {
    expect(cell('command', column)).toBe('no');
    expect(lock.packages[`node_modules/${name}`]).not.toHaveProperty('bin');
  });

  test('takes the credentials, and has the broadcasts, that the table says', () => {
    expect(cell('tokens and', column)).toBe(/\bcert\??:/.test(declarations) ? 'both' : 'tokens');
    expect(cell('broadcast', column)).toBe(/broadcast\(/.test(declarations) ? 'yes' : 'no');
  });

  test('sends to no other push service', () => {
    expect(cell('other push', column)).toBe('no');
    expect([...closure(name)].filter((each) => /firebase|web-push|adm|wns/.test(each))).toEqual([]);
  });

  test('has a mock, or none', () => {
    expect(cell('for your tests', column)).toBe(existsSync(join(folder, 'mock')) ? 'a mock client' : '–');
  });

  test('retries after status 429 and 503, or not', async () => {
    const deviceTokens = [encodeTokenFault('temporary', 1), encodeTokenFault('tooManyRequests')];
    const notifications = deviceTokens.map((deviceToken) => ({
      deviceToken,
      payload: { aps: {} },
      priority: 10,
    }));
    const simulator = await startSimulator();
    const results = await runClient(name === 'apns2' ? 'apns2' : 'node-apn', simulator, notifications);
    const retries = results.every((result) => !('statusCode' in (result as object)));
    expect(cell('retries after', column)).toBe(retries ? '3 times' : 'no');
    expect(await simulator.stop()).toHaveLength(retries ? 2 : 0);
  });
});

test('@parse/node-apn retries three times', async () => {
  const deviceTokens = [encodeTokenFault('temporary', 3), encodeTokenFault('temporary', 4)];
  const notifications = deviceTokens.map((deviceToken) => ({
    deviceToken,
    payload: { aps: {} },
    priority: 10,
  }));
  const simulator = await startSimulator();
  const results = await runClient('node-apn', simulator, notifications);
  expect(results).toHaveLength(2);
  expect(results).toContainEqual({ deviceToken: deviceTokens[0] });
  expect(await simulator.stop()).toHaveLength(1);
});
