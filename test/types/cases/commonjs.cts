/** A CommonJS module has the same declarations. */
import { type ApnsError, createHttp2Delivery, type Notification } from 'apns-streams';
import { decodeFrame } from 'apns-streams/protocol';
import { createSimulator, type Simulator } from 'apns-streams/simulator';

import streams = require('apns-streams');

const delivery = createHttp2Delivery<number>({ environment: 'sandbox' });
const notification: Notification<number> = { deviceToken: 'ab', payload: {}, context: 1 };
delivery.write(notification);
// @ts-expect-error: a misspelt field
delivery.write({ deviceTokn: 'ab', payload: {} });

async function main(): Promise<void> {
  const simulator: Simulator = await createSimulator();
  await simulator.close();
  const imported = await import('apns-streams');
  const same: typeof ApnsError = imported.ApnsError;
  const error: streams.ApnsError = new same('APNS_ERR_CLOSED', 'closed');
  console.log(error, decodeFrame);
}
void main();
