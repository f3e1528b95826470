/** Streams take what their types say: a mistake in a notification is a compile error. */
import {
  type BinarySink,
  type BroadcastNotification,
  createBinaryDelivery,
  createBinarySink,
  createFrameEncoder,
  createHttp2Delivery,
  createHttp2Sink,
  createNdjsonParser,
  createNdjsonStringifier,
  type Notification,
} from 'apns-streams';

const deviceToken = 'ab'.repeat(32);
const payload = { aps: { alert: 'Hello' } };
const delivery = createHttp2Delivery({ environment: 'sandbox', topic: 'com.example.app' });
const sink = createHttp2Sink({ host: '127.0.0.1' });
const encoder = createFrameEncoder();

for (const stream of [delivery, sink]) {
  stream.write({ deviceToken, payload });
  stream.write({ deviceToken, payload, pushType: 'alert', priority: 10 }, (error) => error?.message);
  stream.write({ deviceToken, payload, pushType: 'of-next-year' }, 'utf8', () => {});
  stream.write({ channelId: 'dHN0', payload, apnsId: 'x', context: 7 });
  stream.end({ deviceToken, payload: '{"aps":{}}' }).on('finish', () => {});
  stream.end({ deviceToken, payload: Buffer.from('{}') }, () => {});
  stream.end(() => {}).end();
  // @ts-expect-error: a misspelt field
  stream.write({ deviceTokn: deviceToken, payload });
  // @ts-expect-error: a misspelt field beside the right ones
  stream.write({ deviceToken, payload, pushtype: 'alert' });
  // @ts-expect-error: a misspelt field
  stream.end({ deviceToken, payload, collapseID: 'a' });
  // @ts-expect-error: a misspelt key of aps
  stream.write({ deviceToken, payload: { aps: { alert: 'Hello', bagde: 1 } } });
  // @ts-expect-error: a misspelt key of an alert
  stream.end({ deviceToken, payload: { aps: { alert: { titel: 'Hello' } } } });
  // @ts-expect-error: a key of aps in its place
  stream.write({ deviceToken, aps: { alert: 'Hello' }, payload });
  // @ts-expect-error: no payload
  stream.write({ deviceToken });
  // @ts-expect-error: to a device or to a channel
  stream.write({ deviceToken, channelId: 'dHN0', payload });
  // @ts-expect-error: a broadcast replaces nothing
  stream.write({ channelId: 'dHN0', collapseId: 'a', payload });
  // @ts-expect-error: no such priority
  stream.write({ deviceToken, payload, priority: 9 });
  // @ts-expect-error: an expiration in words
  stream.write({ deviceToken, payload, expiration: 'tomorrow' });
  // @ts-expect-error: a line that is not parsed
  stream.write('{"deviceToken":"ab"}');
  // @ts-expect-error: bytes that are not parsed
  stream.end(Buffer.from('{"deviceToken":"ab"}'));
  // @ts-expect-error: nothing
  stream.write(undefined);
}

encoder.write({ deviceToken, payload });
// @ts-expect-error: a misspelt field
encoder.write({ deviceToken, payload, identifer: 1 });
// @ts-expect-error: the binary wire has no channels
encoder.write({ channelId: 'dHN0', payload });

const frames: BinarySink = createBinarySink({ host: 'gateway.example' });
frames.write(Buffer.of(2));
frames.end(new Uint8Array(1));
// @ts-expect-error: frames are bytes
frames.write('text');
// @ts-expect-error: a notification that is not encoded
frames.write({ deviceToken, payload });

createNdjsonParser().write('text', 'utf8');
createNdjsonParser().end(Buffer.from('text'));
// @ts-expect-error: an object that needs no parsing
createNdjsonParser().write({ deviceToken, payload });
createNdjsonStringifier().end({ anything: 1 });
// @ts-expect-error: not an object
createNdjsonStringifier().write('text');

// A field of unknown type or of any type is as it always was.
delivery.write(JSON.parse('{}'));

/** Inputs are not changed, so what is readonly can be given. */
const frozen = Object.freeze({ deviceToken, payload: Object.freeze({ aps: Object.freeze({ badge: 1 }) }) });
delivery.write(frozen);
const list: readonly string[] = ['a'];
const localized: Notification = {
  deviceToken,
  payload: { aps: { alert: { 'loc-key': 'K', 'loc-args': list }, 'url-args': list } },
};
const broadcast: BroadcastNotification = {
  channelId: 'dHN0',
  topic: 'com.example.app',
  payload: { aps: { event: 'update', timestamp: 1, 'content-state': {} } },
};
for (const each of [localized, broadcast]) delivery.write(each);
// @ts-expect-error: a notification is readonly
localized.topic = 'com.example.app';

const authorities: readonly string[] = ['-----BEGIN CERTIFICATE-----'];
const tls = { ca: authorities, cert: authorities, key: authorities } as const;
createBinaryDelivery({ host: 'gateway.example', tls, window: { count: 1, ageMs: 1 }, checkpoint: 'never' });
// @ts-expect-error: Apple's binary gateways do not respond, so this always throws
createBinaryDelivery({ environment: 'production' });
// @ts-expect-error: the same, with a host
createBinarySink({ environment: 'sandbox', host: 'gateway.example' });
// @ts-expect-error: a misspelt option
createHttp2Sink({ environment: 'sandbox', timeoutSeconds: 1 });
