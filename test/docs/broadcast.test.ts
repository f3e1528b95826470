import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { createChannelManager } from '../../src/channels/channel-manager.js';
import { ChannelError } from '../../src/core/errors.js';
import { NOTIFICATION_FIELDS } from '../../src/core/notification.js';
import { REASON_STATUS } from '../../src/core/reason.js';
import { createHttp2Delivery } from '../../src/deliveries/delivery.js';
import { createSimulator } from '../../src/simulator/simulator.js';

const text = readFileSync(new URL('../../docs/broadcast.md', import.meta.url), 'utf8');
const [sending, managing] = Array.from(text.matchAll(/```js\n([\s\S]+?)```/g), ([, code]) => code!);

/** The names in the first column of the table with this heading. */
function firstColumn(heading: string): string[] {
  const [, table = ''] = text.split(`| ${heading} |`);
  const rows = table.split('\n\n', 1)[0]!.split('\n').slice(2);
  return rows.flatMap((row) => Array.from(row.split('|')[1]!.matchAll(/`(\w+)`/g), ([, name]) => name!));
}

test('names reasons and fields that there are', () => {
  expect(firstColumn('reason').length).toBeGreaterThan(8);
  expect(Object.keys(REASON_STATUS)).toEqual(expect.arrayContaining(firstColumn('reason')));
  expect(NOTIFICATION_FIELDS).toEqual(expect.arrayContaining(firstColumn('field')));
});

test('shows code that runs', async () => {
  const simulator = await createSimulator();
  onTestFinished(() => simulator.close());
  const { host, port } = simulator.http2;
  const { ca, providerKey: key, keyId, teamId } = simulator.credentials;
  /** A factory of the snippets, which goes to the simulator in place of Apple. */
  const here =
    <Options, Made>(create: (options: Options) => Made) =>
    (options: Options): Made =>
      create({ ...options, host, port, tls: { ca } });
  const run = (code: string, results: string) =>
    new Function(
      ...['createHttp2Delivery', 'createChannelManager', 'ChannelError', 'providerToken'],
      `return (async () => { ${code.replaceAll(/^import .*$/gm, '')}; return ${results}; })()`,
    )(here(createHttp2Delivery), here(createChannelManager), ChannelError, { key, keyId, teamId });
  const delivery = (await run(sending!, 'delivery')) as Readable & { end(): void };
  delivery.end();
  expect(await delivery.toArray()).toMatchObject([{ status: 'rejected', reason: 'ChannelNotRegistered' }]);
  expect(await run(managing!, 'channelId')).toMatch(/==$/);
  expect(simulator.channels.list('com.example.app')).toEqual([]);
});
