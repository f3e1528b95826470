/** Delivering to servers that nobody here wrote: what each answers is what each notification is told. */
import { describe, expect } from 'vitest';
import { notifications, sendAll } from '../support/http2-sending.js';
import { testWith } from './requirements.js';
import { startApache, startH2o, startHaproxy, startNghttpd, startNginx } from './servers.js';

const SERVERS = [
  ['nghttpd', startNghttpd],
  ['nginx', startNginx],
  ['h2o', startH2o],
  ['haproxy', startHaproxy],
  ['apache2', startApache],
] as const;

const COUNT = 2000;
const input = notifications(
  COUNT,
  JSON.stringify({ aps: { alert: { title: 'A title', body: 'x'.repeat(200) } } }),
);

describe.each(SERVERS)('%s', (command, start) => {
  const test = testWith(command);

  test('accepts 2,000 notifications on one connection', async () => {
    const server = await start({ status: 200, requests: 10_000 });
    const { counts } = await sendAll(server.options, input);
    expect(counts).toMatchObject({ accepted: COUNT, resent: 0 });
    expect(server.connections).toBe(1);
  });

  test('accepts 2,000 notifications on four connections with three streams each', async () => {
    const server = await start({ status: 200, streams: 3, requests: 10_000 });
    const { counts } = await sendAll({ ...server.options, connections: 4 }, input);
    expect(counts).toMatchObject({ accepted: COUNT, resent: 0 });
    expect(server.connections).toBe(4);
  });

  test('rejects 2,000 notifications with 404', async () => {
    const server = await start({ status: 404, requests: 10_000 });
    const { counts, outcomes } = await sendAll(server.options, input);
    expect(counts).toMatchObject({ rejected: COUNT, resent: 0 });
    expect(outcomes[0]).toMatchObject({ status: 'rejected', statusCode: 404, reason: 'Unknown' });
  });
});

testWith('nginx')(
  'goes from connection to connection where nginx says GOAWAY after 100 requests',
  async () => {
    const server = await startNginx({ status: 200, requests: 100 });
    const { counts } = await sendAll(server.options, input);
    expect(counts).toMatchObject({ accepted: COUNT, unknown: 0 });
    expect(server.connections).toBeGreaterThanOrEqual(COUNT / 100);
    expect(server.connections).toBeLessThan(COUNT / 50);
  },
);

testWith('nginx')('rejects 2,000 notifications with 405', async () => {
  const server = await startNginx({ status: 405, requests: 10_000 });
  const { counts, outcomes } = await sendAll(server.options, input);
  expect(counts.rejected).toBe(COUNT);
  expect(outcomes[0]).toMatchObject({ statusCode: 405 });
});

testWith('nghttpd')('gets bodies through windows of one byte, and reads padded frames', async () => {
  const server = await startNghttpd({ status: 200 }, '-w', '1', '-b', '255');
  const { counts } = await sendAll(server.options, input.slice(0, 200));
  expect(counts).toMatchObject({ accepted: 200, resent: 0 });
});

testWith('nghttpd').each(['0', '64', '1000000'])(
  'agrees with nghttpd on header tables of %s bytes',
  async (bytes) => {
    const tables = ['--header-table-size', bytes, '--encoder-header-table-size', bytes];
    const server = await startNghttpd({ status: 200 }, ...tables);
    const { counts } = await sendAll(server.options, input);
    expect(counts).toMatchObject({ accepted: COUNT, resent: 0 });
  },
);
