/** What APNs answers over HTTP/2: whole responses, the bodies that give reasons, `retry-after`. */
import { isDeepStrictEqual } from 'node:util';
import { decodeReasonBody, encodeReasonBody } from '../../../src/protocol/apns/reason.js';
import { type ApnsResponse, ResponseDecoder } from '../../../src/protocol/apns/response.js';
import { decodeRetryAfter, encodeRetryAfter, parseHttpDate } from '../../../src/protocol/apns/retry-after.js';
import { HpackEncoder } from '../../../src/protocol/hpack/encoder.js';
import { encodeFrame, type Http2Frame } from '../../../src/protocol/http2/frame.js';
import { FrameReader } from '../../../src/protocol/http2/frame-reader.js';
import { decodeWhole, type FuzzTarget } from '../fuzz-target.js';
import { encodeBlock } from './hpack.js';
import { lengthFields, tellingHandler } from './http2-frames.js';
import { JSON_DICTIONARY } from './json.js';
import { objectText } from './json-text.js';

const ID = '0f7e9b6a-3c1d-4e5f-8a9b-0c1d2e3f4a5b';
const REASON = '{"reason":"Unregistered","timestamp":1741190400000}';
const HOARD_STREAMS = 8;
const MAX_BODY_BYTES = 16_384;

/** Responses as one connection has them: accepted, rejected with a body, interim first, with trailers. */
function conversation(): Buffer {
  const encoder = new HpackEncoder();
  const headers = (
    streamId: number,
    endStream: boolean,
    ...fields: (readonly [string, string])[]
  ): Http2Frame => ({
    type: 'HEADERS',
    streamId,
    endStream,
    endHeaders: true,
    block: encodeBlock(
      encoder,
      fields.map(([name, value]) => [name, value, 'add'] as const),
    ),
  });
  const data = (streamId: number, text: string, endStream = true): Http2Frame => ({
    type: 'DATA',
    streamId,
    endStream,
    data: Buffer.from(text),
  });
  const frames: readonly Http2Frame[] = [
    { type: 'SETTINGS', ack: false, settings: {} },
    headers(1, true, [':status', '200'], ['apns-id', ID], ['apns-unique-id', ID]),
    headers(3, false, [':status', '410'], ['apns-id', ID]),
    data(3, REASON.slice(0, 20), false),
    headers(5, false, [':status', '103'], ['link', '</a>']),
    headers(5, false, [':status', '503'], ['retry-after', '7'], ['date', 'Thu, 01 Jan 2026 00:00:00 GMT']),
    data(3, REASON.slice(20)),
    data(5, '<html>', false),
    headers(5, true, ['x-trailer', 'a']),
  ];
  return Buffer.concat(frames.map(encodeFrame));
}

/** As many open streams, each with a body that is longer than what is kept. */
function hoard(): Buffer {
  const settings = encodeFrame({ type: 'SETTINGS', ack: false, settings: {} });
  const data = Buffer.alloc(MAX_BODY_BYTES, 'x');
  const streams = Array.from({ length: HOARD_STREAMS }, (_, i) => 2 * i + 1).flatMap((streamId) => [
    encodeFrame({
      type: 'HEADERS',
      streamId,
      endStream: false,
      endHeaders: true,
      block: Buffer.from([0x8c]),
    }),
    encodeFrame({ type: 'DATA', streamId, endStream: false, data }),
    encodeFrame({ type: 'DATA', streamId, endStream: false, data }),
  ]);
  return Buffer.concat([settings, ...streams]);
}

const RESPONSES: FuzzTarget = {
  name: 'responses',
  about: 'responses of APNs, from the bytes of their connection',
  golden: [conversation()],
  hoards: [hoard()],
  // A body for each open stream, a header block in pieces, the table.
  maxHeldBytes: (HOARD_STREAMS + 1) * MAX_BODY_BYTES + 1024 * 1024,
  dictionary: [
    Buffer.from('88', 'hex'),
    Buffer.from('3fe11f', 'hex'),
    encodeFrame({ type: 'SETTINGS', ack: false, settings: {} }),
    encodeFrame({
      type: 'HEADERS',
      streamId: 1,
      endStream: true,
      endHeaders: true,
      block: Buffer.from([0x88]),
    }),
    encodeFrame({ type: 'DATA', streamId: 3, endStream: true, data: Buffer.from(REASON) }),
  ],
  lengthFields,
  open(tell) {
    const decoder = new ResponseDecoder();
    const told = (streamId: number, response: ApnsResponse | undefined): void => {
      if (response === undefined) return;
      if (response.body.length > MAX_BODY_BYTES)
        throw new Error(`a body of ${response.body.length} bytes is kept`);
      tell(`response ${streamId} ${JSON.stringify(response)}`);
    };
    return new FrameReader({
      ...tellingHandler(tell),
      onHeaders: (id, ...given) => told(id, decoder.onHeaders(id, ...given)),
      onData: (id, bytes, start, end, ends) => told(id, decoder.onData(id, bytes, start, end, ends)),
      onRstStream: (id) => told(id, decoder.takePartial(id)),
    });
  },
};

const REASONS: FuzzTarget = {
  name: 'reasons',
  about: 'bodies of rejections; never throws',
  golden: ['{"reason":"BadDeviceToken"}', REASON, '{}', '{"reason":"","timestamp":-1}', '<html>', ''].map(
    (text) => Buffer.from(text),
  ),
  maxHeldBytes: 4096,
  dictionary: [...JSON_DICTIONARY, '"reason":', '"timestamp":', '9007199254740992'],
  generate: (random) => Buffer.from(objectText(random)),
  whole: true,
  isTyped: () => false,
  open: (tell) => decodeWhole((input) => tell(JSON.stringify(decodeReasonBody(input)))),
  law(input) {
    const body = decodeReasonBody(input);
    if (body.reason !== undefined && (body.reason === '' || body.reason.length > 256))
      return 'a reason without bounds';
    return isDeepStrictEqual(decodeReasonBody(encodeReasonBody(body)), body)
      ? undefined
      : 'a reason is another one when encoded and decoded';
  },
};

const NOW = Date.UTC(2026, 0, 1);

const RETRY_AFTER: FuzzTarget = {
  name: 'retry-after',
  about: 'retry-after, in seconds or as a date of any of the three forms; never throws',
  golden: [
    ...['0', '120', '9999999999', 'Thu, 01 Jan 2026 00:00:05 GMT', 'Thursday, 01-Jan-26 00:00:05 GMT'],
    'Thu Jan  1 00:00:05 2026',
  ].map((text) => Buffer.from(text)),
  maxHeldBytes: 4096,
  dictionary: ['GMT', '-', ' ', '+01:00', 'Feb 30', '9999', '\u00a0', '1e9', '24:00:00'],
  whole: true,
  isTyped: () => false,
  open: (tell) => decodeWhole((input) => tell(String(decodeRetryAfter(input.toString('latin1'), NOW)))),
  law(input) {
    const text = input.toString('latin1');
    const delayMs = decodeRetryAfter(text, NOW);
    if (delayMs === undefined) return undefined;
    if (!Number.isSafeInteger(delayMs) || delayMs < 0) return `a delay of ${delayMs}`;
    const dateMs = parseHttpDate(text.trim());
    if (dateMs !== undefined && delayMs !== Math.max(0, dateMs - NOW))
      return `a date ${dateMs} gives ${delayMs}`;
    const again = encodeRetryAfter(delayMs);
    return again.length > 10 || decodeRetryAfter(again, 0) === delayMs
      ? undefined
      : `${delayMs} ms are others when encoded and decoded`;
  },
};

export const RESPONSE_TARGETS: readonly FuzzTarget[] = [RESPONSES, REASONS, RETRY_AFTER];
