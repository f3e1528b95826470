/** Every example, run as it is, against the built package: `npm run build` comes first. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Notification } from '../src/core/notification.js';
import type { Outcome } from '../src/core/outcome.js';
import { ROOT, runNode, startNode } from './support/node-process.js';

const SAMPLE = 'examples/data/notifications.ndjson';
const WIRES = ['http2', 'binary'] as const;
const TOKEN = 'ab'.repeat(32);

const example = (name: string): string => `examples/${name}.mjs`;

test('names every example in examples/README.md, and says in each how to run it', async () => {
  const files = await readdir(join(ROOT, 'examples'), { recursive: true });
  const scripts = files.filter((file) => file.endsWith('.mjs')).map((file) => file.replaceAll('\\', '/'));
  const readme = await readFile(join(ROOT, 'examples/README.md'), 'utf8');
  for (const script of scripts) {
    expect(readme).toContain(`](${script})`);
    const source = await readFile(join(ROOT, 'examples', script), 'utf8');
    expect(source.startsWith('/**'), script).toBe(true);
    expect(source.split('\n').length, script).toBeLessThanOrEqual(80);
  }
});

test('raw-tls-client reports connected, data, error, refused and close', async () => {
  const { code, stdout } = await runNode(example('raw-tls-client'));
  expect(code).toBe(0);
  const [answered, uncertified, unreached] = stdout.split('# ').slice(1);
  expect(answered).toMatch(/connected TLSv1\.[23]\ndata 080200000007\nend.*\nclose/);
  expect(uncertified).toMatch(/error \w+\n(?:end.*\n)?close/);
  expect(unreached).toMatch(/refused\nclose/);
});

test.each(WIRES)('send-one prints the outcome and hands the notification back (%s)', async (wire) => {
  const { code, stdout } = await runNode(example('send-one'), '--wire', wire);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^accepted .*42/);
  expect(stdout).toMatch(/^true$/m);
});

test('send-http2 prints an accepted, a rejected, a retried and an invalid outcome', async () => {
  const { code, stdout } = await runNode(example('send-http2'));
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n').sort();
  expect(lines).toHaveLength(4);
  expect(lines[0]).toMatch(/^accepted *$/);
  expect(lines[1]).toMatch(/^accepted .*sent 2 times/);
  expect(lines[2]).toMatch(/^invalid .*4096 bytes[^(]*$/);
  expect(lines[3]).toMatch(/^rejected 400 BadDeviceToken *$/);
});

test('every example over HTTP/2 speaks as a client certificate, too', async () => {
  const simulator = startNode('dist/cli/main.js', 'simulate');
  const ready = JSON.parse(await simulator.line(/http2/)) as { http2: { port: number }; credentials: string };
  const file = (name: string): string => join(ready.credentials, name);
  const where = [
    ...['--host', '127.0.0.1', '--port', `${ready.http2.port}`, '--topic', 'com.example.app'],
    ...['--cert', file('client-cert.pem'), '--key', file('client-key.pem'), '--ca', file('ca.pem')],
  ];
  for (const name of ['send-one', 'send-http2', 'several-topics', 'broadcast', 'pooled-connections']) {
    const { code, stdout, stderr } = await runNode(example(name), ...where);
    expect([code, stderr], name).toEqual([0, '']);
    expect(stdout, name).toContain('accepted');
  }
});

test('both-wires shows where the outcomes of the same lines differ', async () => {
  const { code, stdout } = await runNode(example('both-wires'));
  expect(code).toBe(0);
  expect(stdout).toContain('line 17: rejected 8 InvalidToken → rejected 400 BadDeviceToken');
  expect(stdout).toContain('line 129: invalid → accepted');
  expect(stdout).toMatch(/^196 of 200 lines have the same outcome$/m);
});

test('several-topics sends each notification to its own, over one connection', async () => {
  const { code, stdout } = await runNode(example('several-topics'));
  expect(code).toBe(0);
  expect(stdout.trimEnd().split('\n').sort()).toEqual([
    'com.example.app alert accepted ',
    'com.example.app background accepted ',
    expect.stringMatching(/^com\.example\.app background invalid .*5/),
    'com.example.app.voip voip accepted ',
    'com.example.other undefined rejected TopicDisallowed',
    'connections: 1',
  ]);
});

test('broadcast makes a channel, sends to it and deletes it', async () => {
  const { code, stdout } = await runNode(example('broadcast'));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^channels: 1 \{ channelId: '.+', storesMessages: true \}$/m);
  expect(stdout.match(/^accepted/gm)).toHaveLength(2);
  expect(stdout).toMatch(/^APNS_ERR_CHANNEL \d+ ChannelNotRegistered$/m);
});

test.each([
  ['http2', 193, [33, 58, 90, 166]],
  ['binary', 192, [33, 58, 90, 129, 166]],
] as const)('send-file writes one outcome for each line (%s)', async (wire, accepted, invalid) => {
  const directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const output = join(directory, 'outcomes.ndjson');
  const { code, stdout } = await runNode(example('send-file'), SAMPLE, output, '--wire', wire);
  expect(code).toBe(0);
  expect(stdout).toContain(
    `${accepted} accepted, 3 rejected, ${invalid.length} invalid\n0 unsent, 0 unknown`,
  );
  const outcomes = parseLines(await readFile(output, 'utf8'));
  const lines = outcomes.map(({ line }) => line as number).sort((a, b) => a - b);
  expect(lines).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  expect(linesWith(outcomes, 'rejected')).toEqual([17, 111, 188]);
  expect(linesWith(outcomes, 'invalid')).toEqual(invalid);
});

test('send-file writes every outcome, and says why, when the gateway cannot be trusted', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const output = join(directory, 'outcomes.ndjson');
  // A gateway whose authority nobody has named: there is no second attempt.
  const simulator = startNode('dist/cli/main.js', 'simulate');
  const { http2 } = JSON.parse(await simulator.line(/http2/)) as { http2: { port: number } };
  const where = ['--host', '127.0.0.1', '--port', `${http2.port}`];
  const { code, stderr } = await runNode(example('send-file'), SAMPLE, output, ...where);
  expect(code).toBe(1);
  expect(stderr).toContain('APNS_ERR_UNKNOWN_AUTHORITY');
  const outcomes = parseLines(await readFile(output, 'utf8'));
  expect(linesWith(outcomes, 'invalid')).toHaveLength(4);
  expect(linesWith(outcomes, 'unsent')).toHaveLength(196);
});

test.each(WIRES)('own-transform drops, changes and numbers what passes (%s)', async (wire) => {
  const { code, stdout } = await runNode(example('own-transform'), '--wire', wire);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^1 accepted autumn\n3 accepted autumn\n02[0-9a-f]+\n$/);
});

test('after-rejection shows the error responses, the outcomes and what was sent again', async () => {
  const { code, stdout } = await runNode(example('after-rejection'));
  expect(code).toBe(0);
  expect(stdout).toContain('the gateway says: InvalidToken (8) for number 3');
  expect(stdout).toContain('the gateway says: InvalidTokenSize (5) for number 7');
  expect(stdout).toContain('number 2: accepted');
  expect(stdout).toContain('number 3: rejected InvalidToken');
  expect(stdout).toMatch(/number 10: accepted {2}\(written [23] times\)/);
  expect(stdout).toMatch(/accepted: 8,\s+rejected: 2,/);
});

test.each(WIRES)(
  'pooled-connections gives every burst its outcomes over connections that stay open (%s)',
  async (wire) => {
    const { code, stdout, stderr } = await runNode(example('pooled-connections'), '--wire', wire);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const burst of [1, 2, 3]) expect(stdout).toContain(`burst ${burst}: 1000 accepted`);
    const [, connections] = /3000 notifications over (\d+) connections/.exec(stdout) ?? [];
    expect(Number(connections)).toBeLessThan(30);
  },
);

test('feedback-poll prints every tuple once and stops on a signal', async () => {
  const poll = startNode(example('feedback-poll'));
  await poll.line(/bbbbbbbb kept/);
  poll.child.kill('SIGINT');
  const { code, stdout } = await poll.ended;
  expect(code).toBe(0);
  expect(stdout).toBe('aaaaaaaa deleted\nbbbbbbbb kept, it registered again\nstopped, 1 device left\n');
});

test.each(WIRES)('graceful-shutdown settles on a signal all that it has taken (%s)', async (wire) => {
  const sending = startNode(example('graceful-shutdown'), '--wire', wire);
  await sending.line(/^sending$/);
  sending.child.kill('SIGTERM');
  const { code, stdout } = await sending.ended;
  expect(code).toBe(0);
  const [, taken, settled, accepted] =
    /(\d+) taken, (\d+) settled \{\s*accepted: (\d+)/.exec(stdout) ?? expect.unreachable(stdout);
  expect(Number(taken)).toBeGreaterThanOrEqual(100);
  expect([settled, accepted]).toEqual([taken, taken]);
});

test('demo shows the problems and exits with 0', async () => {
  const { code, stdout } = await runNode(example('demo'));
  expect(code).toBe(0);
  expect(stdout).toContain('"reason":"InvalidToken"');
  expect(stdout).toContain('200 lines in, 200 outcomes out, 192 accepted at the gateway');
});

describe('http-proxy', () => {
  test.each(WIRES)('answers one notification with its outcome (%s)', async (wire) => {
    const proxy = await startProxy('--wire', wire);
    const body = JSON.stringify({ deviceToken: TOKEN, payload: { aps: {} }, context: [1] });
    const response = await proxy.post('application/json', body);
    expect(response).toMatchObject({ status: 200, type: 'application/json' });
    expect(JSON.parse(response.body)).toMatchObject({ status: 'accepted', context: [1] });
  });

  test.each([
    [400, 'application/json', JSON.stringify({ token: TOKEN, payload: {} })],
    [400, 'application/json', JSON.stringify({ deviceToken: TOKEN, payload: { aps: 'x'.repeat(5000) } })],
    [400, 'application/json', '{"deviceToken":'],
    [400, 'application/json', 'null'],
    [400, 'application/x-ndjson', `[${'x'.repeat(100)}]`],
    [413, 'application/json', ' '.repeat(10_000)],
    [415, 'text/plain', 'hello'],
    [422, 'application/json', JSON.stringify({ deviceToken: 'fa170108', payload: {} })],
  ])('answers %i to what is wrong with %s', async (status, type, body) => {
    const proxy = await startProxy();
    const response = await proxy.post(type, body);
    expect(response.status).toBe(status);
    expect(Object.keys(JSON.parse(response.body))).toContain(status === 422 ? 'reason' : 'message');
  });

  test('streams outcomes back while the request goes on, and gives each request its own', async () => {
    const proxy = await startProxy();
    const sample = await readFile(join(ROOT, SAMPLE), 'utf8');
    const slow = proxy.open('application/x-ndjson');
    slow.request.write(line(1));
    const response = await slow.response;
    expect(response.statusCode).toBe(200);
    const whole = await proxy.post('application/x-ndjson', sample);
    const outcomes = parseLines(whole.body);
    expect(outcomes).toHaveLength(200);
    expect(linesWith(outcomes, 'rejected')).toEqual([17, 111, 188]);
    expect(linesWith(outcomes, 'invalid')).toEqual([33, 58, 90, 166]);
    slow.request.end(line(2));
    const own = parseLines(await text(response));
    expect(own.map(({ status, context }) => [status, context])).toEqual([
      ['accepted', 1],
      ['accepted', 2],
    ]);
  });

  test('goes on for others when a client goes away', async () => {
    const proxy = await startProxy();
    const leaving = proxy.open('application/x-ndjson');
    leaving.request.write(line(1));
    await leaving.response;
    leaving.request.on('error', () => {}).destroy();
    const response = await proxy.post('application/x-ndjson', line(2));
    expect(parseLines(response.body)).toMatchObject([{ status: 'accepted', context: 2 }]);
  });

  test('answers what is under way before it stops', async () => {
    const proxy = await startProxy();
    const request = proxy.open('application/x-ndjson');
    request.request.write(line(1));
    const response = await request.response;
    proxy.process.child.kill('SIGTERM');
    request.request.end(line(2));
    expect(parseLines(await text(response))).toHaveLength(2);
    const { code, stdout, stderr } = await proxy.process.ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/stopped\n$/);
  });

  test('takes no more of a request than its limit, until outcomes are read', async () => {
    const sent: Notification[] = [];
    const lane = await createLane((notification) => sent.push(notification), 3);
    for (let i = 0; i < 10; i++) lane.write({ deviceToken: TOKEN, payload: { i } });
    lane.end();
    await turns();
    expect(sent).toHaveLength(3);
    for (const notification of sent.slice()) lane.settle({ status: 'accepted', notification });
    await turns();
    expect(sent).toHaveLength(3);
    lane.read();
    await turns();
    expect(sent).toHaveLength(4);
  });
});

function line(context: number): string {
  return `${JSON.stringify({ deviceToken: TOKEN, payload: { aps: {} }, context })}\n`;
}

function parseLines(ndjson: string): Record<string, unknown>[] {
  return ndjson
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));
}

function linesWith(outcomes: readonly Record<string, unknown>[], status: string): unknown[] {
  const found = outcomes.filter((outcome) => outcome['status'] === status).map((outcome) => outcome['line']);
  return found.sort((a, b) => (a as number) - (b as number));
}

/** Enough turns of the event loop for whatever a stream has put off. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function createLane(
  onSend: (notification: Notification) => void,
  limit: number,
): Promise<Duplex & { settle(outcome: Outcome): void }> {
  const { Lane } = await import(new URL('../examples/http-proxy/lane.mjs', import.meta.url).href);
  return new Lane({ send: async (notification: Notification) => onSend(notification) }, limit);
}

async function startProxy(...more: readonly string[]) {
  const process = startNode(example('http-proxy/server'), '0', '50', ...more);
  const url = await process.line(/^http:/);
  const open = (type: string) => {
    const request = httpRequest(url, { method: 'POST', headers: { 'content-type': type } });
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve).on('error', reject);
    });
    return { request, response };
  };
  const post = async (type: string, body: string) => {
    const { request, response } = open(type);
    request.end(body);
    const answer = await response;
    return {
      status: answer.statusCode,
      type: answer.headers['content-type'],
      body: await text(answer),
    };
  };
  return { process, open, post };
}
