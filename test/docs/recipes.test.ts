import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { run } from '../../src/cli/run.js';
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

test('shows a server that opens its delivery, and ends it', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const create = vi.fn(createHttp2Delivery);
  const code = blocks('js')[0]!
    .replace(/^import .*$/gm, '')
    .replaceAll('export ', '');
  const { shutDown } = new Function(
    'readFileSync',
    'createHttp2Delivery',
    `${code}; return { notify, shutDown };`,
  )(() => key, create) as { shutDown(): void };
  const delivery = create.mock.results[0]!.value as ReturnType<typeof createHttp2Delivery>;
  const closed = new Promise<void>((resolve) => {
    delivery.once('close', resolve);
  });
  shutDown();
  await closed;
  expect(delivery.errored).toBeNull();
});
