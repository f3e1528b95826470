/** The examples of docs/api.md. `npm run docs` copies each region to every export that the region lists. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect } from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as main from '../../src/index.js';
import * as protocol from '../../src/protocol/index.js';
import * as simulation from '../../src/simulator/index.js';

const { ApnsError, ChannelError, InvalidNotificationError, createBinaryDelivery, createBinarySink } = main;
const { createChannelManager, createErrorResponseDecoder, createErrorSource, createFeedbackDecoder } = main;
const { createFeedbackSource, createFrameDecoder, createFrameEncoder, createHttp2Delivery } = main;
const { createHttp2Sink, createNdjsonParser, createNdjsonStringifier, getSourceLine, setSourceLine } = main;
const { decodeErrorResponse, decodeFeedbackTuple, decodeFrame, decodeHttp2Frame, decodeReasonBody } =
  protocol;
const { decodeRetryAfter, decodeStatusCode, encodeErrorResponse, encodeFeedbackTuple, encodeFrame } =
  protocol;
const { encodeHttp2Frame, encodeReasonBody, encodeRetryAfter, encodeStatusCode, http2ErrorName } = protocol;
const { isTemporary, lintNotification, notificationBytes, bodyBytes, requestHeadersBytes } = protocol;
const { ERROR_RESPONSE_BYTES, ERROR_RESPONSE_COMMAND, ERROR_RESPONSE_FORMAT, FEEDBACK_TUPLE_FORMAT } =
  protocol;
const { FRAME_FORMAT, FrameItem, FrameReader, HTTP2_RULES, HpackDecoder, HpackEncoder, Http2Error } =
  protocol;
const { Http2ErrorCode, MAX_PAYLOAD_BYTES, PUSH_TYPES, PacketReader, REASON_STATUS } = protocol;
const { RequestEncoder, ResponseDecoder, SettingId, StatusCode } = protocol;
const { createSimulator, decodeTokenFault, encodeTokenFault, mintAuthority } = simulation;
const { mintClientCertificate, mintServerCertificate, writeCredentials } = simulation;

/** What an example has printed for its readers. */
const printed: unknown[] = [];
const console = { log: (...values: readonly unknown[]): void => void printed.push(...values) };
// #region values
const notification = { deviceToken: 'aabb', payload: { aps: { alert: 'Hello' } } };
const badToken = encodeTokenFault('reject', 8); // the simulator rejects it
// #endregion

let simulator: simulation.Simulator;
let directory: string;
let targets: ReturnType<typeof optionsFor>;

/** The options that the introduction of the page shows. */
function optionsFor(simulator: simulation.Simulator) {
  // #region options
  const { ca, cert, key, providerKey, keyId, teamId, topic } = simulator.credentials;
  const binary = { host: simulator.gateway.host, port: simulator.gateway.port, tls: { ca, cert, key } };
  const feedback = { host: simulator.feedback.host, port: simulator.feedback.port, tls: { ca, cert, key } };
  const providerToken = { key: providerKey, keyId, teamId };
  const http2 = { host: simulator.http2.host, port: simulator.http2.port, tls: { ca }, providerToken, topic };
  // #endregion
  return { binary, feedback, http2 };
}

beforeAll(async () => {
  simulator = await createSimulator();
  targets = optionsFor(simulator);
  directory = await mkdtemp(join(tmpdir(), 'apns-streams-test-'));
});

beforeEach(() => {
  printed.length = 0;
});

afterAll(async () => {
  await simulator.close();
  await rm(directory, { recursive: true });
});

test('createHttp2Delivery', async () => {
  const { http2 } = targets;
  // #region createHttp2Delivery
  const delivery = createHttp2Delivery(http2);
  delivery.write({ deviceToken: 'aabb', payload: { aps: { alert: 'Hello' } }, context: { user: 7 } });
  delivery.end();
  for await (const outcome of delivery) console.log(outcome.status, outcome.context); // accepted { user: 7 }
  console.log(delivery.counts.accepted); // 1
  // #endregion
  expect(delivery.counts.accepted).toBe(1);
});

test('createBinaryDelivery', async () => {
  const { binary } = targets;
  // #region createBinaryDelivery
  const delivery = createBinaryDelivery({ ...binary, command: 2 });
  delivery.end(notification);
  const [outcome] = await delivery.toArray();
  console.log(outcome?.status, outcome?.identifier); // accepted 1
  // #endregion
  expect(outcome).toMatchObject({ status: 'accepted', identifier: 1 });
});

test('createHttp2Sink', async () => {
  const { http2 } = targets;
  // #region createHttp2Sink
  const problems: unknown[] = [];
  const sink = createHttp2Sink({
    ...http2,
    onInvalid: ({ field, message }) => problems.push([field, message]),
  });
  const notifications = [notification, { deviceToken: 'not hex', payload: {} }];
  await pipeline(Readable.from(notifications), sink);
  console.log(sink.counts.accepted, sink.counts.invalid); // 1 1
  // #endregion
  expect([sink.counts.accepted, sink.counts.invalid]).toEqual([1, 1]);
  expect(problems).toHaveLength(1);
});

test('createBinarySink', async () => {
  const { binary } = targets;
  // #region createBinarySink createFrameEncoder
  const sink = createBinarySink(binary);
  const outcomes = sink.outcomes.toArray();
  await pipeline(Readable.from([notification]), createFrameEncoder(), sink);
  console.log(await outcomes); // [ { status: 'accepted', identifier: 1, deviceToken: 'aabb' } ]
  // #endregion
  expect(await outcomes).toMatchObject([{ status: 'accepted', identifier: 1 }]);
});

test('createNdjsonParser', async () => {
  const { http2 } = targets;
  // #region createNdjsonParser createNdjsonStringifier
  const input = ['{"deviceToken":"aabb","payload":{"aps":{}}}\n', 'no JSON\n'];
  const invalid: unknown[] = [];
  const lines = await Readable.from(input)
    .pipe(
      createNdjsonParser({ payload: 'raw', onInvalid: ({ line, message }) => invalid.push([line, message]) }),
    )
    .pipe(createHttp2Delivery(http2))
    .pipe(createNdjsonStringifier())
    .toArray();
  console.log(Buffer.concat(lines).toString()); // {"status":"accepted","line":1,"deviceToken":"aabb",…}
  // #endregion
  expect(JSON.parse(Buffer.concat(lines).toString())).toMatchObject({ status: 'accepted', line: 1 });
  expect(invalid).toMatchObject([[2, expect.any(String)]]);
});

test('createFrameDecoder', async () => {
  // #region createFrameDecoder
  const frames = Readable.from([notification]).pipe(createFrameEncoder());
  const decoded = await frames.pipe(createFrameDecoder()).toArray();
  console.log(decoded); // [ { deviceToken: 'aabb', payload: { aps: { alert: 'Hello' } }, identifier: 1 } ]
  // #endregion
  expect(decoded).toMatchObject([{ ...notification, identifier: 1 }]);
});

test('createErrorResponseDecoder', async () => {
  const { binary } = targets;
  // #region createErrorResponseDecoder
  const socket = connect({ ...binary.tls, host: binary.host, port: binary.port });
  socket.write(encodeFrame({ deviceToken: badToken, payload: '{}', identifier: 7 }));
  const errorResponses = await socket.pipe(createErrorResponseDecoder()).toArray();
  console.log(errorResponses); // [ { statusCode: 8, reason: 'InvalidToken', identifier: 7 } ]
  // #endregion
  socket.destroy();
  expect(errorResponses).toEqual([{ statusCode: 8, reason: 'InvalidToken', identifier: 7 }]);
});

test('createErrorSource', async () => {
  const { binary } = targets;
  // #region createErrorSource
  const sink = createBinarySink(binary);
  const errorResponses = createErrorSource(sink).toArray();
  await pipeline(Readable.from([{ ...notification, deviceToken: badToken }]), createFrameEncoder(), sink);
  console.log(await errorResponses); // [ { statusCode: 8, reason: 'InvalidToken', identifier: 1 } ]
  // #endregion
  expect(await errorResponses).toEqual([{ statusCode: 8, reason: 'InvalidToken', identifier: 1 }]);
});

test('createFeedbackSource', async () => {
  const { feedback } = targets;
  // #region createFeedbackSource
  simulator.devices.unregister('ccdd');
  for await (const { deviceToken, timestamp } of createFeedbackSource(feedback)) {
    console.log(deviceToken, new Date(timestamp * 1000)); // ccdd, and when the app was found to be gone
  }
  // #endregion
  expect(simulator.counts.feedbackTuples).toBe(1);
});

test('createFeedbackDecoder', async () => {
  // #region createFeedbackDecoder encodeFeedbackTuple decodeFeedbackTuple
  const bytes = encodeFeedbackTuple({ timestamp: 1_741_190_400, deviceToken: 'ccdd' });
  console.log(decodeFeedbackTuple(bytes)); // { timestamp: 1741190400, deviceToken: 'ccdd' }
  const tuples = await Readable.from([bytes, bytes]).pipe(createFeedbackDecoder()).toArray();
  console.log(tuples.length); // 2
  // #endregion
  expect(tuples).toEqual([decodeFeedbackTuple(bytes), decodeFeedbackTuple(bytes)]);
});

test('createChannelManager', async () => {
  const { http2 } = targets;
  // #region createChannelManager ChannelError
  const channels = createChannelManager(http2);
  const channelId = await channels.create({ storesMessages: true });
  console.log(await channels.read(channelId)); // { channelId: '…', storesMessages: true }
  await channels.delete(channelId);
  try {
    await channels.read(channelId);
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error;
    console.log(error.statusCode, error.reason); // 400 ChannelNotRegistered
  }
  await channels.close();
  // #endregion
  expect(printed).toContain('ChannelNotRegistered');
});

test('ApnsError', async () => {
  // #region ApnsError
  try {
    createHttp2Delivery({
      environment: 'production',
      topic: 'com.example.app',
      tls: { cert: 'not PEM', key: '' },
    });
  } catch (error) {
    if (!(error instanceof ApnsError)) throw error;
    console.log(error.code); // APNS_ERR_BAD_CREDENTIALS
  }
  // #endregion
  expect(printed).toEqual(['APNS_ERR_BAD_CREDENTIALS']);
});

test('InvalidNotificationError', async () => {
  // #region InvalidNotificationError
  try {
    await pipeline(
      Readable.from([{ deviceToken: 'not hex', payload: {} }]),
      createFrameEncoder(),
      process.stdout,
    );
  } catch (error) {
    if (!(error instanceof InvalidNotificationError)) throw error;
    console.log(error.field, error.message); // deviceToken deviceToken must consist of hex digits only, …
  }
  // #endregion
  expect(printed).toContain('deviceToken');
});

test('getSourceLine', () => {
  // #region getSourceLine setSourceLine
  const notifications = [notification, { ...notification, deviceToken: 'ccdd' }];
  for (const [index, each] of notifications.entries()) setSourceLine(each, index + 1);
  console.log(getSourceLine(notifications[1]!)); // 2; its outcome has `line: 2`
  // #endregion
  expect(getSourceLine(notifications[1]!)).toBe(2);
});

test('encodeFrame', () => {
  // #region encodeFrame decodeFrame
  const bytes = encodeFrame({ deviceToken: 'aabb', payload: '{"aps":{}}', identifier: 7, priority: 10 });
  const { deviceToken, identifier, payload } = decodeFrame(bytes);
  console.log(deviceToken, identifier, payload?.toString()); // aabb 7 {"aps":{}}
  // #endregion
  expect([deviceToken, identifier, payload?.toString()]).toEqual(['aabb', 7, '{"aps":{}}']);
});

test('PacketReader', () => {
  // #region PacketReader FRAME_FORMAT ERROR_RESPONSE_FORMAT FEEDBACK_TUPLE_FORMAT
  const bytes = encodeFrame({ deviceToken: 'aabb', payload: '{}', identifier: 7 });
  const identifiers: (number | undefined)[] = [];
  const reader = new PacketReader(FRAME_FORMAT);
  for (const chunk of [bytes.subarray(0, 10), bytes.subarray(10)]) {
    reader.read(chunk, (packet, start, end) => identifiers.push(decodeFrame(packet, start, end).identifier));
  }
  reader.end();
  console.log(identifiers); // [ 7 ]
  // #endregion
  expect(identifiers).toEqual([7]);
  expect([ERROR_RESPONSE_FORMAT.name, FEEDBACK_TUPLE_FORMAT.name]).toHaveLength(2);
});

test('encodeErrorResponse', () => {
  // #region encodeErrorResponse decodeErrorResponse ERROR_RESPONSE_BYTES ERROR_RESPONSE_COMMAND
  const bytes = encodeErrorResponse({ statusCode: 8, identifier: 7 });
  console.log(bytes.length === ERROR_RESPONSE_BYTES, bytes[0] === ERROR_RESPONSE_COMMAND); // true true
  console.log(decodeErrorResponse(bytes)); // { statusCode: 8, reason: 'InvalidToken', identifier: 7 }
  // #endregion
  expect(bytes).toHaveLength(ERROR_RESPONSE_BYTES);
  expect(bytes[0]).toBe(ERROR_RESPONSE_COMMAND);
  expect(decodeErrorResponse(bytes)).toEqual({ statusCode: 8, reason: 'InvalidToken', identifier: 7 });
});

test('StatusCode', () => {
  // #region StatusCode decodeStatusCode encodeStatusCode
  console.log(StatusCode.InvalidToken, decodeStatusCode(8), encodeStatusCode('Shutdown')); // 8 InvalidToken 10
  // #endregion
  expect([StatusCode.InvalidToken, decodeStatusCode(8), encodeStatusCode('Shutdown')]).toEqual([
    8,
    'InvalidToken',
    10,
  ]);
});

test('FrameItem', () => {
  // #region FrameItem MAX_PAYLOAD_BYTES
  console.log(FrameItem.DeviceToken, MAX_PAYLOAD_BYTES[2]); // 1 2048
  // #endregion
  expect(MAX_PAYLOAD_BYTES[2]).toBe(2048);
  expect(Object.values(FrameItem)).toContain(1);
});

test('lintNotification', () => {
  // #region lintNotification HTTP2_RULES
  const voip = { ...notification, topic: 'com.example.app', pushType: 'voip' };
  const [finding] = lintNotification(voip, { auth: 'token' });
  console.log(finding?.rule, finding?.message); // topic-suffix must end in .voip with push type voip
  console.log(HTTP2_RULES.find(({ id }) => id === finding?.rule)?.requirement);
  // #endregion
  expect(HTTP2_RULES.map(({ id }) => id)).toContain(finding?.rule);
});

test('PUSH_TYPES', () => {
  // #region PUSH_TYPES REASON_STATUS
  console.log(PUSH_TYPES.includes('voip'), REASON_STATUS.Unregistered); // true 410
  // #endregion
  expect([PUSH_TYPES.includes('voip'), REASON_STATUS.Unregistered]).toEqual([true, 410]);
});

test('encodeReasonBody', () => {
  // #region encodeReasonBody decodeReasonBody isTemporary
  const body = encodeReasonBody({ reason: 'TooManyRequests' });
  const { reason } = decodeReasonBody(body);
  console.log(reason, isTemporary(429, reason)); // TooManyRequests true
  // #endregion
  expect([reason, isTemporary(429, reason)]).toEqual(['TooManyRequests', true]);
});

test('encodeRetryAfter', () => {
  // #region encodeRetryAfter decodeRetryAfter
  console.log(encodeRetryAfter(2000), decodeRetryAfter('2', Date.now())); // 2 2000
  // #endregion
  expect([encodeRetryAfter(2000), decodeRetryAfter('2', 0)]).toEqual(['2', 2000]);
});

test('RequestEncoder', () => {
  // #region RequestEncoder notificationBytes bodyBytes requestHeadersBytes
  const request = { deviceToken: 'aabb', payload: '{"aps":{}}', topic: 'com.example.app', pushType: 'alert' };
  const encoder = new RequestEncoder({ authority: 'api.push.apple.com' });
  const slab = Buffer.alloc(notificationBytes(request));
  const headersEnd = encoder.writeNotificationHeaders(slab, 0, 1, request);
  const end = encoder.writeBody(slab, headersEnd, 1, request.payload);
  console.log(end - headersEnd <= bodyBytes(request.payload)); // true
  const broadcast = { method: 'POST', path: '/4/broadcasts/apps/com.example.app', headers: [] };
  const other = Buffer.alloc(requestHeadersBytes(broadcast, 'api.push.apple.com'));
  encoder.writeHeaders(other, 0, 3, broadcast, true);
  // #endregion
  expect(end - headersEnd).toBeLessThanOrEqual(bodyBytes(request.payload));
});

test('HpackEncoder', () => {
  // #region HpackEncoder HpackDecoder
  const fields: string[][] = [];
  const encoder = new HpackEncoder();
  const slab = Buffer.alloc(256);
  const start = encoder.writeBlockStart(slab, 0);
  const end = encoder.writeField(slab, start, ':status', '200', 'add');
  const decoder = new HpackDecoder();
  decoder.decode(slab, 0, end, { onField: (name, value) => fields.push([name, value]) });
  console.log(fields); // [ [ ':status', '200' ] ]
  // #endregion
  expect(fields).toEqual([[':status', '200']]);
});

test('ResponseDecoder', () => {
  // #region ResponseDecoder
  const slab = Buffer.alloc(64);
  const end = new HpackEncoder().writeField(slab, 0, ':status', '200', 'add'); // a server's response
  const decoder = new ResponseDecoder();
  const response = decoder.onHeaders(1, slab, 0, end, true);
  console.log(response?.statusCode); // 200
  // #endregion
  expect(response?.statusCode).toBe(200);
});

test('FrameReader', () => {
  // #region FrameReader encodeHttp2Frame decodeHttp2Frame
  const settings: unknown[] = [];
  const ignore = (): void => {};
  const bytes = encodeHttp2Frame({ type: 'SETTINGS', ack: false, settings: { maxConcurrentStreams: 1000 } });
  console.log(decodeHttp2Frame(bytes)); // { type: 'SETTINGS', ack: false, settings: { maxConcurrentStreams: 1000 } }
  const reader = new FrameReader({
    ...{ onHeaders: ignore, onData: ignore, onRstStream: ignore, onSettingsAck: ignore, onPing: ignore },
    ...{ onGoaway: ignore, onWindowUpdate: ignore, onStreamError: ignore },
    onSettings: (received) => settings.push(received),
  });
  reader.read(bytes);
  console.log(settings); // [ { maxConcurrentStreams: 1000 } ]
  // #endregion
  expect(settings).toEqual([{ maxConcurrentStreams: 1000 }]);
});

test('Http2Error', () => {
  // #region Http2Error Http2ErrorCode http2ErrorName SettingId
  const frame = encodeHttp2Frame({ type: 'SETTINGS', ack: false, settings: { initialWindowSize: 1 } });
  console.log(frame.readUInt16BE(9) === SettingId.INITIAL_WINDOW_SIZE); // true
  try {
    decodeHttp2Frame(frame.fill(0xff, 11)); // a window of 4 GiB
  } catch (error) {
    if (!(error instanceof Http2Error)) throw error;
    console.log(http2ErrorName(error.http2ErrorCode), error.http2ErrorCode); // FLOW_CONTROL_ERROR 3
    console.log(error.http2ErrorCode === Http2ErrorCode.FLOW_CONTROL_ERROR); // true
  }
  // #endregion
  expect(printed).toEqual([true, 'FLOW_CONTROL_ERROR', 3, true]);
  expect(SettingId.INITIAL_WINDOW_SIZE).toBe(4);
});

test('createSimulator', async () => {
  // #region createSimulator
  const simulator = await createSimulator({ topic: 'com.example.app' });
  const { ca, providerKey: key, keyId, teamId } = simulator.credentials;
  const { host, port } = simulator.http2;
  const providerToken = { key, keyId, teamId };
  const delivery = createHttp2Delivery({ host, port, tls: { ca }, providerToken, topic: 'com.example.app' });
  delivery.end(notification);
  for await (const { status } of delivery) console.log(status); // accepted
  await simulator.waitFor(({ accepted }) => accepted === 1); // useful if your app sends in the background
  for (const { deviceToken, payload } of simulator.accepted) console.log(deviceToken, payload);
  await simulator.close();
  // #endregion
  expect(simulator.counts.accepted).toBe(1);
});

test('encodeTokenFault', () => {
  // #region encodeTokenFault decodeTokenFault
  const deviceToken = encodeTokenFault('temporary', 2); // the simulator responds with 503 twice, then accepts
  console.log(decodeTokenFault(deviceToken)); // { name: 'temporary', argument: 2 }
  // #endregion
  expect(decodeTokenFault(deviceToken)).toEqual({ name: 'temporary', argument: 2 });
});

test('mintAuthority', () => {
  // #region mintAuthority mintClientCertificate mintServerCertificate
  const authority = mintAuthority();
  const client = mintClientCertificate(authority, { topic: 'com.example.app' });
  const server = mintServerCertificate(authority);
  console.log(new X509Certificate(client.cert).checkIssued(new X509Certificate(authority.cert))); // true
  // #endregion
  for (const { cert } of [client, server]) {
    expect(new X509Certificate(cert).checkIssued(new X509Certificate(authority.cert))).toBe(true);
  }
});

test('writeCredentials', async () => {
  // #region writeCredentials
  await writeCredentials(simulator, directory); // for clients in other languages, and for `--credentials`
  // #endregion
  expect(await readdir(directory)).toContain('ca.pem');
});
