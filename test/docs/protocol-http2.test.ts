import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeReasonBody } from '../../src/protocol/apns/reason.js';
import { type NotificationRequest, RequestEncoder } from '../../src/protocol/apns/request.js';
import { ResponseDecoder } from '../../src/protocol/apns/response.js';
import { HpackDecoder } from '../../src/protocol/hpack/decoder.js';
import { type FieldIndexing, HpackEncoder } from '../../src/protocol/hpack/encoder.js';
import { decodeFrame, encodeFrame } from '../../src/protocol/http2/frame.js';
import { FRAME_HEADER_BYTES } from '../../src/protocol/http2/frame-header.js';
import { annotatedHex } from '../vectors/annotated-hex.js';

const text = readFileSync(new URL('../../docs/protocol-http2.md', import.meta.url), 'utf8');
const blocks = new Map(
  Array.from(text.matchAll(/^```(hex [\w-]+|json)\n([^`]*)^```$/gm), ([, name, body]) => [
    name!.replace('hex ', ''),
    body!,
  ]),
);
const bytesOf = (name: string): Buffer => annotatedHex(blocks.get(name)!);
const notifications: [NotificationRequest, NotificationRequest] = JSON.parse(blocks.get('json')!);

/** A header block as a gateway would write it. */
function block(encoder: HpackEncoder, ...fields: [name: string, value: string, indexing: FieldIndexing][]) {
  const slab = Buffer.alloc(256);
  let end = encoder.writeBlockStart(slab, 0);
  for (const field of fields) end = encoder.writeField(slab, end, ...field);
  return slab.subarray(0, end);
}

describe('docs/protocol-http2.md', () => {
  it('has no block that is not checked here', () => {
    expect([...blocks.keys()].sort()).toEqual([
      'accepted',
      'first-data',
      'first-headers',
      'json',
      'rejected-data',
      'rejected-headers',
      'second-data',
      'second-headers',
    ]);
  });

  it('shows the frames that its notifications are encoded to', () => {
    const encoder = new RequestEncoder({ authority: 'api.push.apple.com' });
    const slab = Buffer.alloc(1024);
    let at = 0;
    notifications.forEach((notification, i) => {
      at = encoder.writeNotificationHeaders(slab, at, 2 * i + 1, notification);
      at = encoder.writeBody(slab, at, 2 * i + 1, notification.payload);
    });
    const names = ['first-headers', 'first-data', 'second-headers', 'second-data'];
    expect(slab.subarray(0, at)).toEqual(Buffer.concat(names.map(bytesOf)));
  });

  it('shows frames that a gateway reads as its notifications', () => {
    const decoder = new HpackDecoder();
    ['first', 'second'].forEach((name, i) => {
      const headers = bytesOf(`${name}-headers`);
      const fields: Record<string, string> = {};
      const onField = (field: string, value: string) => {
        fields[field] = value;
      };
      decoder.decode(headers, FRAME_HEADER_BYTES, headers.length, { onField });
      const { deviceToken, payload, topic, pushType, priority, apnsId } = notifications[i]!;
      expect(fields).toEqual({
        ':method': 'POST',
        ':scheme': 'https',
        ':authority': 'api.push.apple.com',
        ':path': `/3/device/${deviceToken}`,
        'apns-topic': topic,
        'apns-push-type': pushType,
        'apns-priority': `${priority}`,
        'apns-id': apnsId,
      });
      expect(decodeFrame(bytesOf(`${name}-data`))).toMatchObject({
        endStream: true,
        data: Buffer.from(payload),
      });
    });
  });

  it('shows the answers that a gateway writes', () => {
    const encoder = new HpackEncoder();
    const [accepted, rejected] = notifications;
    expect(
      encodeFrame({
        type: 'HEADERS',
        streamId: 1,
        endStream: true,
        endHeaders: true,
        block: block(encoder, [':status', '200', 'add'], ['apns-id', accepted.apnsId!, 'pass']),
      }),
    ).toEqual(bytesOf('accepted'));
    expect(
      encodeFrame({
        type: 'HEADERS',
        streamId: 3,
        endStream: false,
        endHeaders: true,
        block: block(encoder, [':status', '410', 'add'], ['apns-id', rejected.apnsId!, 'pass']),
      }),
    ).toEqual(bytesOf('rejected-headers'));
    const data = encodeReasonBody({ reason: 'Unregistered', timestamp: 1_741_190_400_000 });
    expect(encodeFrame({ type: 'DATA', streamId: 3, endStream: true, data })).toEqual(
      bytesOf('rejected-data'),
    );
  });

  it('shows answers that are read as one acceptance and one rejection', () => {
    const decoder = new ResponseDecoder();
    const [accepted, headers, data] = ['accepted', 'rejected-headers', 'rejected-data'].map(bytesOf);
    expect(decoder.onHeaders(1, accepted!, FRAME_HEADER_BYTES, accepted!.length, true)).toMatchObject({
      statusCode: 200,
      apnsId: notifications[0].apnsId,
    });
    expect(decoder.onHeaders(3, headers!, FRAME_HEADER_BYTES, headers!.length, false)).toBeUndefined();
    expect(decoder.onData(3, data!, FRAME_HEADER_BYTES, data!.length, true)).toMatchObject({
      statusCode: 410,
      apnsId: notifications[1].apnsId,
      reason: 'Unregistered',
      timestamp: 1_741_190_400_000,
    });
  });
});
