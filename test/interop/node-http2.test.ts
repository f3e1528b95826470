/** Delivering to node:http2 with settings that leave little room. */
import type { Settings } from 'node:http2';
import { expect, test } from 'vitest';
import { startHttp2Gateway } from '../support/http2-gateway.js';
import { notifications, sendAll, statuses } from '../support/http2-sending.js';

const payload = JSON.stringify({ aps: { alert: 'x'.repeat(200) } });

const SETTINGS: readonly (readonly [Settings, count: number])[] = [
  [{}, 2000],
  [{ initialWindowSize: 1 }, 100],
  [{ initialWindowSize: 100 }, 2000],
  [{ headerTableSize: 0 }, 2000],
  [{ headerTableSize: 64, maxConcurrentStreams: 7 }, 2000],
  [{ maxFrameSize: 16_384, maxConcurrentStreams: 1, initialWindowSize: 50 }, 300],
];

test.each(SETTINGS)('accepts every notification byte for byte with %o', async (settings, count) => {
  const gateway = await startHttp2Gateway({ settings });
  const { counts } = await sendAll(gateway.options, notifications(count, payload));
  expect(counts).toMatchObject({ accepted: count, resent: 0 });
  expect(new Set(gateway.requests.map(({ deviceToken }) => deviceToken)).size).toBe(count);
  expect(new Set(gateway.requests.map(({ body }) => body))).toEqual(new Set([payload]));
  expect(gateway.sessions).toHaveLength(1);
});

test('waits for a window that is opened later, and gives up one that is not', async () => {
  const gateway = await startHttp2Gateway({
    settings: { initialWindowSize: 0 },
    onSession(session, connection) {
      if (connection === 0) setTimeout(() => session.settings({ initialWindowSize: 65_535 }), 50);
    },
  });
  const opened = await sendAll(gateway.options, notifications(50, payload));
  expect(opened.counts).toMatchObject({ accepted: 50, resent: 0 });
  const closed = await sendAll({ ...gateway.options, timeoutMs: 200 }, notifications(2, payload));
  expect(statuses(closed)).toEqual(Array(2).fill('unsent DeadlineExceeded'));
});
