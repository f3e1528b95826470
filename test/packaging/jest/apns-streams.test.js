// An app's tests, as Jest runs them without any configuration.
const { once } = require('node:events');
const { createServer } = require('node:net');
const {
  ApnsError,
  createBinaryDelivery,
  createChannelManager,
  createHttp2Delivery,
  createHttp2Sink,
  InvalidNotificationError,
} = require('apns-streams');
const { decodeFrame } = require('apns-streams/protocol');
const { createSimulator } = require('apns-streams/simulator');

const notification = { deviceToken: 'ab'.repeat(32), payload: { aps: { alert: 'Hello' } } };
let simulator;
beforeAll(async () => {
  simulator = await createSimulator();
});
afterAll(() => simulator.close());

test.each(['http2', 'binary'])('sends over either wire (%s)', async (wire) => {
  const { ca, cert, key, topic } = simulator.credentials;
  const delivery =
    wire === 'http2'
      ? createHttp2Delivery({ ...address(simulator.http2), tls: { ca, cert, key }, topic })
      : createBinaryDelivery({ ...address(simulator.gateway), tls: { ca, cert, key } });
  delivery.write({ ...notification, expiration: new Date(), context: 7 });
  delivery.end({ ...notification, deviceToken: 'xyz' });
  const outcomes = await delivery.toArray();
  expect(outcomes).toContainEqual(expect.objectContaining({ status: 'accepted', context: 7 }));
  expect(outcomes).toContainEqual(expect.objectContaining({ status: 'invalid', field: 'deviceToken' }));
});

test('manages channels, which loads node:http2 late', async () => {
  const { ca, cert, key, topic } = simulator.credentials;
  const { host, port } = simulator.http2;
  const channels = createChannelManager({ host, port, tls: { ca, cert, key }, topic });
  await expect(channels.list()).resolves.toEqual([]);
  await channels.close();
});

test('says what an error of Node means, which is no instance of this context', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  const sink = createHttp2Sink({ host: '127.0.0.1', port, backoff: { attempts: 0 } });
  const failure = once(sink, 'error');
  sink.end(notification);
  const [error] = await failure;
  expect(error).toBeInstanceOf(ApnsError);
  expect(error).toMatchObject({ code: 'APNS_ERR_CONNECTION_REFUSED', cause: { code: 'ECONNREFUSED' } });
});

test('has one ApnsError', async () => {
  expect(() => decodeFrame(Buffer.of(9, 0, 0, 0, 0))).toThrow(ApnsError);
  expect(() => createHttp2Sink({ nonsense: true })).toThrow(ApnsError);
  expect(InvalidNotificationError.prototype).toBeInstanceOf(ApnsError);
  await expect(createSimulator({ nonsense: true })).rejects.toBeInstanceOf(ApnsError);
});

function address({ host, port }) {
  return { host, port };
}
