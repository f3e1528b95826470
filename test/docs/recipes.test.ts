import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/run.js';
import { ApnsError, type ApnsErrorCode } from '../../src/core/errors.js';
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

test('takes the tokens to delete from both reasons of status 410', () => {
  const [recipe] = blocks('sh').filter((block) => block.includes('{deviceToken,timestamp}'));
  const reasons = [...recipe!.matchAll(/\.reason=="(\w+)"/g)].map(([, reason]) => reason);
  expect(reasons).toEqual(['Unregistered', 'ExpiredToken']);
});

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
