// An app's tests in TypeScript, compiled by ts-jest to CommonJS.
import { ApnsError, createHttp2Delivery, type DeliveryOutcome, type Notification } from 'apns-streams';
import { decodeFrame } from 'apns-streams/protocol';
import { createSimulator, type Simulator } from 'apns-streams/simulator';

interface User {
  readonly id: number;
}

let simulator: Simulator;
beforeAll(async () => {
  simulator = await createSimulator();
});
afterAll(() => simulator.close());

test('sends, with the types of what goes in and what comes out', async () => {
  const { credentials, http2 } = simulator;
  const { ca, cert, key, topic } = credentials;
  const delivery = createHttp2Delivery<User>({
    host: http2.host,
    port: http2.port,
    tls: { ca, cert, key },
    topic,
  });
  const notification: Notification<User> = { deviceToken: 'ab'.repeat(32), payload: {}, context: { id: 7 } };
  delivery.end(notification);
  // @ts-expect-error: a misspelt field
  const misspelt = (): unknown => delivery.write({ deviceTokn: 'ab', payload: {} });
  expect(misspelt).toBeDefined();
  const outcomes: DeliveryOutcome<User>[] = [];
  for await (const outcome of delivery) outcomes.push(outcome);
  expect(outcomes.map(({ status, context }) => [status, context?.id])).toEqual([['accepted', 7]]);
});

test('has one ApnsError', () => {
  expect(() => decodeFrame(Buffer.of(9, 0, 0, 0, 0))).toThrow(ApnsError);
});
