/** `send --redact-tokens`, alone and together with what else looks at outcomes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { redactOutcome } from '../../src/cli/output/redact-outcome.js';
import { run } from '../../src/cli/run.js';
import {
  createSimulator,
  encodeTokenFault,
  type Simulator,
  writeCredentials,
} from '../../src/simulator/index.js';
import { FakeIo } from './fake-io.js';

let folder: string;
let simulator: Simulator;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'apns-streams-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  simulator = await createSimulator();
  onTestFinished(() => simulator.close());
  await writeCredentials(simulator, folder);
});

const token = (i: number): string => `abcdef${i.toString(16).padStart(58, '0')}`;
const line = (deviceToken: string): string =>
  `${JSON.stringify({ deviceToken, payload: { aps: {} }, context: { user: deviceToken.slice(-2) } })}\n`;

async function send(argv: string[], stdin = ''): Promise<{ code: number; io: FakeIo }> {
  const io = new FakeIo({ stdin });
  const to = ['--to', `https://127.0.0.1:${simulator.http2.port}`, '--credentials', folder];
  return { code: await run(['send', ...to, ...argv], io), io };
}

it('shortens the token of every outcome, and changes nothing else of it', async () => {
  const input = [token(1), encodeTokenFault('reject', 8, 7), '<aa bb cc dd ee>'].map(line).join('');
  const [whole, redacted] = [await send([], input), await send(['--redact-tokens'], input)];
  const byLine = (a: Record<string, unknown>, b: Record<string, unknown>) =>
    Number(a['line']) - Number(b['line']);
  const expected = whole.io.lines.sort(byLine).map(({ deviceToken, ...rest }) => ({
    ...rest,
    ...(deviceToken === undefined ? {} : { deviceToken: `${String(deviceToken).slice(0, 8)}…` }),
    ...(rest['apnsId'] === undefined ? {} : { apnsId: expect.any(String) }),
  }));
  expect(redacted.io.lines.sort(byLine)).toEqual(expected);
  expect(redacted.code).toBe(whole.code);
  expect(redacted.io.lines.sort(byLine).map(({ status }) => status)).toEqual([
    'accepted',
    'rejected',
    'invalid',
  ]);
  expect([...simulator.accepted].map(({ deviceToken }) => deviceToken)).toEqual([token(1), token(1)]);
});

it('leaves what it is given as it is, and finds tokens in what a gateway says', () => {
  const outcome = {
    status: 'rejected',
    line: 3,
    deviceToken: token(1),
    apnsId: '123e4567-e89b-12d3-a456-426655440000',
    statusCode: 400,
    reason: `${token(1).toUpperCase()} is bad`,
    message: `not ${token(2)}`,
  } as const;
  const before = structuredClone(outcome);
  expect(redactOutcome(outcome)).toEqual({
    ...before,
    deviceToken: 'abcdef00…',
    reason: 'ABCDEF00… is bad',
    message: 'not abcdef00…',
  });
  expect(outcome).toEqual(before);
});

it('shortens the tokens of a dry run, and names files as ever', async () => {
  const files = ['a', 'b'].map((name, i) => {
    const path = join(folder, name);
    const bad = { deviceToken: token(i), payload: { aps: {} }, priority: 1, pushType: 'background' };
    writeFileSync(path, `${JSON.stringify(bad)}\n`);
    return path;
  });
  const { code, io } = await send([...files, '--dry-run', '--redact-tokens', '--topic', 'com.example.app']);
  expect(code).toBe(1);
  expect(io.lines.map(({ file, deviceToken }) => [file, deviceToken])).toEqual([
    [files[0], 'abcdef00…'],
    [files[1], 'abcdef00…'],
  ]);
});

it.each([
  [['--redact-tokens'], []],
  [[], ['--redact-tokens']],
  [['--redact-tokens'], ['--redact-tokens']],
])('lets a run be resumed: first with %j, then with %j', async (first, second) => {
  const input = join(folder, 'in.ndjson');
  const ledger = join(folder, 'ledger');
  const tokens = Array.from({ length: 30 }, (_, i) => token(i));
  writeFileSync(input, tokens.map(line).join(''));
  const resume = [input, '--resume', ledger, '--window-count', '5'];
  // The first run ends early: its connection is gone, and is not made again.
  const port = simulator.http2.port;
  const stopped = simulator.waitFor(({ accepted }) => accepted >= 10).then(() => simulator.http2.close());
  const one = await send([...resume, ...first, '--connect-attempts', '1']);
  await stopped;
  expect(one.code).not.toBe(0);
  const again = await createSimulator({ credentials: folder, http2: { port } });
  onTestFinished(() => again.close());
  const two = await send([...resume, ...second, '--on-unknown', 'resend']);
  expect(two.code).toBe(0);
  const settled = [...one.io.lines, ...two.io.lines].filter(({ status }) => status !== 'unsent');
  expect(new Set(settled.map((outcome) => outcome['line'])).size).toBe(30);
  for (const [io, argv] of [
    [one.io, first],
    [two.io, second],
  ] as const)
    expect(io.out.includes(token(0).slice(0, 20))).toBe(argv.length === 0);
  expect(readFileSync(ledger, 'utf8')).not.toContain('abcdef');
  expect((await send([...resume, ...second])).io.lines).toEqual([]);
});
