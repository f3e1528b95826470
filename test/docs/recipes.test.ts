import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { run } from '../../src/cli/run.js';
import { ApnsError, type ApnsErrorCode } from '../../src/errors.js';
import { createHttp2Delivery } from '../../src/index.js';
import { FakeIo } from '../cli/fake-io.js';
import { ROOT } from '../support/node-process.js';

const page = readFileSync(join(ROOT, 'docs/recipes.md'), 'utf8');
const blocks = (language: string): string[] =>
  [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language)
    .map(([, , code]) => code!);

test('gives commands only options that they have', async () => {
  const lines = blocks('sh').flatMap((block) => block.replaceAll('\\\n', '').trimEnd().split('\n'));
  const commands = lines.filter((line) => line.startsWith('apns-streams '));
  expect(commands.length).toBeGreaterThan(5);
  for (const line of commands) {
    const io = new FakeIo();
    await run([line.split(' ')[1]!, '--help'], io);
    for (const [option] of line.matchAll(/(?<= )--[a-z0-9-]+/g)) expect(io.out, line).toContain(`${option} `);
  }
});

/** The lines of the input that the recipe takes, by the shell that people have. */
async function takenAgain(recipe: string, input: string, outcomes: readonly string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const [name] = /\w+\.ndjson(?= > again)/.exec(recipe)!;
  await writeFile(join(directory, name), input);
  await writeFile(join(directory, 'outcomes.ndjson'), outcomes.map((outcome) => `${outcome}\n`).join(''));
  execFileSync('sh', ['-ec', recipe.slice(recipe.indexOf('jq'))], { cwd: directory });
  return readFile(join(directory, 'again.ndjson'), 'utf8');
}

test('takes the tokens to delete from both reasons of status 410', () => {
  const [recipe] = blocks('sh').filter((block) => block.includes('{deviceToken,timestamp}'));
  const reasons = [...recipe!.matchAll(/\.reason=="(\w+)"/g)].map(([, reason]) => reason);
  expect(reasons).toEqual(['Unregistered', 'ExpiredToken']);
});

describe.skipIf(!hasCommands('jq', 'awk'))('sends again', () => {
  const [one, several] = blocks('sh').filter((block) => block.includes('> again.ndjson'));
  const outcome = (line: number, status: string, statusCode?: number, file?: string): string =>
    JSON.stringify({ status, ...(file === undefined ? {} : { file }), line, statusCode, context: 'unsent' });

  test('what was unsent, unknown, or rejected only for now or for the credentials', async () => {
    const outcomes = [
      ...[outcome(2, 'unsent'), outcome(1, 'accepted'), outcome(4, 'invalid'), outcome(5, 'presumed')],
      ...[400, 403, 410, 413, 429, 500, 503].map((code, i) => outcome(6 + i, 'rejected', code)),
      ...[1, 7, 8, 255].map((code, i) => outcome(13 + i, 'rejected', code)),
      ...[outcome(3, 'unknown'), outcome(17, 'unknown', 8)],
    ];
    const input = Array.from({ length: 17 }, (_, i) => `line ${i + 1}\n`).join('');
    const taken = (await takenAgain(one!, input, outcomes)).match(/\d+/g);
    expect(taken).toEqual(['2', '3', '7', '10', '11', '12', '13', '17']);
  });

  test('by the last outcome of each line, and past one that a kill cut off', async () => {
    const outcomes = [
      ...[outcome(1, 'unsent'), outcome(2, 'unsent'), outcome(3, 'accepted'), '{"status":"acc', ''],
      ...[outcome(1, 'accepted'), outcome(2, 'unknown')],
    ];
    expect(await takenAgain(one!, 'a\n\nb\nc', outcomes)).toBe('\n');
    expect(await takenAgain(one!, 'a\nb\n', outcomes)).toBe('b\n');
  });

  test('of one file among several', async () => {
    const outcomes = [
      outcome(1, 'unsent', undefined, 'b.ndjson'),
      outcome(2, 'unsent', undefined, 'a.ndjson'),
    ];
    expect(await takenAgain(several!, 'a\nb\n', outcomes)).toBe('b\n');
  });

  test('a long file in no time to speak of', async () => {
    const outcomes = Array.from({ length: 100_000 }, (_, i) => outcome(i + 1, 'unsent'));
    const input = 'x\n'.repeat(outcomes.length);
    expect((await takenAgain(one!, input, outcomes)).length).toBe(input.length);
  }, 20_000);
});

function hasCommands(...names: readonly string[]): boolean {
  return names.every((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0);
}

describe('shows a server', () => {
  /** The recipe's code, over deliveries that dial nothing before the first notification. */
  function openServer() {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const create = vi.fn(createHttp2Delivery);
    const wait = vi.fn((_then: () => void, _ms: number) => 'timer');
    const clear = vi.fn();
    const quiet = { log: () => {}, error: () => {} };
    const code = blocks('js')[0]!
      .replace(/^import .*$/gm, '')
      .replaceAll('export ', '');
    const names = ['readFileSync', 'createHttp2Delivery', 'setTimeout', 'clearTimeout', 'console'];
    const server = new Function(...names, `${code}; return { notify, shutDown };`)(
      ...[() => key, create, wait, clear, quiet],
    ) as { notify(deviceToken: string, payload: object): boolean; shutDown(): void };
    return { ...server, create, wait, clear };
  }

  /** Ends the delivery that was opened last. */
  async function end({ create }: ReturnType<typeof openServer>, code: ApnsErrorCode): Promise<void> {
    const delivery = create.mock.results.at(-1)!.value as ReturnType<typeof createHttp2Delivery>;
    delivery.destroy(new ApnsError(code, ''));
    await new Promise((resolve) => delivery.once('close', resolve));
  }

  test('that opens its delivery, and ends it', async () => {
    const { create, shutDown, clear } = openServer();
    const delivery = create.mock.results[0]!.value as ReturnType<typeof createHttp2Delivery>;
    const closed = new Promise((resolve) => delivery.once('close', resolve));
    shutDown();
    await closed;
    expect(delivery.errored).toBeNull();
    expect(clear).toHaveBeenCalled();
  });

  test('that opens another one after a pause that grows', async () => {
    const server = openServer();
    for (const ms of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
      await end(server, 'APNS_ERR_CONNECTION_REFUSED');
      expect(() => server.notify('aa', {})).toThrow('no delivery');
      const [reopen, pauseMs] = server.wait.mock.lastCall!;
      expect(pauseMs).toBe(ms);
      const opened = server.create.mock.calls.length;
      reopen();
      expect(server.create).toHaveBeenCalledTimes(opened + 1);
    }
  });

  test.each(['APNS_ERR_CREDENTIALS_REFUSED', 'APNS_ERR_BAD_CREDENTIALS'] as const)(
    'that opens none after %s',
    async (code) => {
      const server = openServer();
      await end(server, code);
      expect(server.wait).not.toHaveBeenCalled();
      expect(() => server.notify('aa', {})).toThrow('no delivery');
    },
  );
});
