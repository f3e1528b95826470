import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/run.js';
import { FakeIo, type FakeIoOptions } from '../fake-io.js';

const APP = 'com.example.app';

const line = (change: object = {}): string =>
  `${JSON.stringify({
    deviceToken: 'aabb',
    payload: { aps: { alert: 'hi' } },
    topic: APP,
    pushType: 'alert',
    ...change,
  })}\n`;

async function lint(
  argv: readonly string[],
  options: FakeIoOptions = {},
): Promise<{ code: number; io: FakeIo; rules: unknown[] }> {
  const io = new FakeIo(options);
  const code = await run(['lint', ...argv], io);
  expect(io.listeners).toBe(0);
  return { code, io, rules: io.lines.map(({ rule }) => rule) };
}

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('apns-streams lint', () => {
  it('says nothing about what is right', async () => {
    const { code, io } = await lint([], { stdin: line() + line({ expiration: 0 }) });
    expect(code).toBe(0);
    expect(io.out).toBe('');
    expect(io.err).toBe('2 notifications: 0 errors, 0 warnings\n');
  });

  it('tells severity, line, rule, field, message and source of every finding, in order', async () => {
    const stdin = [
      line(),
      line({ expiration: 3600, pushType: 'voip' }),
      'nonsense\n',
      line({ pushType: 'x' }),
    ];
    const { code, io } = await lint(['-'], { stdin: stdin.join('') });
    expect(code).toBe(1);
    const sending =
      'https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns';
    expect(io.lines).toEqual([
      {
        severity: 'warning',
        line: 2,
        rule: 'expiration-relative',
        field: 'expiration',
        message: expect.stringContaining('1970'),
        source: sending,
      },
      {
        severity: 'error',
        line: 2,
        rule: 'topic-suffix',
        field: 'topic',
        message: 'must end in .voip with push type voip',
        source: sending,
      },
      {
        severity: 'error',
        line: 3,
        rule: 'notification',
        message: expect.stringContaining('not valid JSON'),
        source: 'docs/ndjson.md',
      },
      {
        severity: 'error',
        line: 4,
        rule: 'push-type-unknown',
        field: 'pushType',
        message: expect.stringContaining('APNs responds with InvalidPushType: use one of alert'),
        source: sending,
      },
    ]);
    expect(io.err).toBe('4 notifications: 3 errors, 1 warning\n');
  });

  it('names the file where there are several', async () => {
    const [good, bad] = [join(directory, 'good.ndjson'), join(directory, 'bad.ndjson')];
    await writeFile(good, line());
    await writeFile(bad, `\n${line({ priority: 7 })}${line({ pushType: undefined })}`);
    const { code, io } = await lint([good, bad]);
    expect(code).toBe(1);
    expect(io.lines.map(({ file, line: at, rule }) => [file, at, rule])).toEqual([
      [bad, 2, 'priority'],
      [bad, 3, 'push-type-missing'],
    ]);
  });

  it('exits with 1 for warnings only if it is to be strict', async () => {
    const stdin = line({ expiration: 60 });
    expect((await lint([], { stdin })).code).toBe(0);
    expect((await lint(['--strict'], { stdin })).code).toBe(1);
    expect((await lint(['--strict'], { stdin: line() })).code).toBe(0);
  });

  it('knows how the notifications will be sent', async () => {
    const stdin = line({ topic: undefined });
    expect((await lint([], { stdin })).rules).toEqual(['topic-missing']);
    expect((await lint(['--topic', APP], { stdin })).rules).toEqual([]);
    expect((await lint(['--auth', 'certificate'], { stdin })).rules).toEqual([]);
    expect((await lint(['--topic', `${APP}.voip`], { stdin })).rules).toEqual(['topic-of-other-push-type']);
  });

  it('finds on the binary wire what makes no frame', async () => {
    const stdin = [
      line({ topic: undefined }),
      line({ priority: 1 }),
      line({ payload: { aps: { alert: 'x'.repeat(2048) } } }),
      line({ identifier: -1 }),
    ].join('');
    const { code, io } = await lint(['--wire', 'binary'], { stdin });
    expect(code).toBe(1);
    expect(io.lines.map(({ line: at, rule, field }) => [at, rule, field])).toEqual([
      [2, 'frame', 'priority'],
      [3, 'frame', 'payload'],
      [4, 'identifier', 'identifier'],
    ]);
  });

  it('judges a payload that is text by what it says', async () => {
    const stdin = line({ payload: '{"aps":{"alert":1}}' }) + line({ payload: 'hello' });
    expect((await lint([], { stdin })).rules).toEqual(['aps-value', 'payload-json']);
  });

  it('says nothing more than was asked for', async () => {
    const { io } = await lint(['--quiet'], { stdin: line() });
    expect(io.err).toBe('');
  });

  it('gets through 20,000 wrong lines at the pace of its reader', async () => {
    let written = 0;
    const stdout = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, callback) {
        written += chunk.toString().split('\n').length - 1;
        setImmediate(callback);
      },
    });
    const stdin = Array.from({ length: 20 }, () =>
      (line({ priority: 7 }) + line({ pushType: undefined })).repeat(500),
    );
    const { code, io } = await lint([], { stdin, stdout });
    expect(code).toBe(1);
    expect(written).toBe(20_000);
    expect(io.err).toBe('20,000 notifications: 10,000 errors, 10,000 warnings\n');
  });

  it('refuses input that is something else', async () => {
    const { code, io } = await lint([], { stdin: '[{"deviceToken":"aabb"}]' });
    expect(code).toBe(1);
    expect(io.err).toContain('NDJSON');
  });

  it.each([
    ['an option of the other wire', ['--wire', 'binary', '--topic', APP], '--topic'],
    ['another of these', ['--wire', 'binary', '--auth', 'token'], '--auth'],
    ['a wire that is none', ['--wire', 'spdy'], 'http2, binary'],
    ['a file that is missing', ['/nonexistent.ndjson'], 'no such file'],
  ])('answers %s with exit code 64', async (_what, argv, said) => {
    const { code, io } = await lint(argv, { stdin: line() });
    expect(code).toBe(64);
    expect(io.err).toContain(said);
  });
});
