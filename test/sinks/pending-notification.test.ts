import { expect, test } from 'vitest';
import { startRawGateway } from '../support/http2-raw-gateway.js';
import { sendAll, tokenOf } from '../support/http2-sending.js';

test('sends background notifications that name no priority with 5, since APNs would take 10', async () => {
  const gateway = await startRawGateway({});
  const background = { pushType: 'background', topic: 'com.example.app', payload: '{"aps":{}}' };
  await sendAll(gateway.options, [
    { ...background, deviceToken: tokenOf(0) },
    { ...background, deviceToken: tokenOf(1), priority: 5 as const },
    { ...background, deviceToken: tokenOf(2), pushType: 'alert' },
  ]);
  expect(gateway.requests.map(({ headers }) => headers['apns-priority'])).toEqual(['5', '5', undefined]);
});
