import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bodyBytes,
  type GeneralRequest,
  type NotificationRequest,
  notificationBytes,
  RequestEncoder,
  requestHeadersBytes,
} from '../../../src/protocol/apns/request.js';
import { HpackDecoder } from '../../../src/protocol/hpack/decoder.js';
import { decodeFrame, type Http2Frame } from '../../../src/protocol/http2/frame.js';
import { FRAME_HEADER_BYTES, frameFormat } from '../../../src/protocol/http2/frame-header.js';
import { PacketReader } from '../../../src/protocol/packet-reader.js';

const TOKEN = 'a1b2c3d4'.repeat(8);
const APNS_ID = '0f7e9b6a-3c1d-4e5f-8a9b-0c1d2e3f4a5b';

const NOTIFICATION: NotificationRequest = {
  deviceToken: TOKEN,
  payload: '{"aps":{"alert":"hi"}}',
  topic: 'com.example.app',
  pushType: 'alert',
  priority: 10,
  apnsId: APNS_ID,
};

/** Both ends of a connection: requests in, the frames and the header lists a gateway would see out. */
class Wire {
  readonly encoder: RequestEncoder;
  readonly decoder = new HpackDecoder();
  #streamId = -1;

  /** How long the header block of the request sent last was. */
  blockBytes = 0;

  constructor(maxTableBytes?: number) {
    this.encoder = new RequestEncoder({ authority: 'api.push.apple.com', maxTableBytes });
  }

  /** What the encoder put into the table, newest first. */
  get table(): string[] {
    const { table } = this.decoder;
    return Array.from({ length: table.length }, (_, age) => table.at(age)!).map(
      ({ name, value }) => `${name}: ${value}`,
    );
  }

  send(request: NotificationRequest): { headers: string[]; body: string } {
    const slab = Buffer.alloc(notificationBytes(request));
    this.#streamId += 2;
    const middle = this.encoder.writeNotificationHeaders(slab, 0, this.#streamId, request);
    const end = this.encoder.writeBody(slab, middle, this.#streamId, request.payload);
    expect(end - middle).toBeLessThanOrEqual(bodyBytes(request.payload));
    return this.#receive(framesOf(slab.subarray(0, end)));
  }

  sendHeaders(request: GeneralRequest, endStream: boolean): string[] {
    const slab = Buffer.alloc(requestHeadersBytes(request, 'api.push.apple.com'));
    this.#streamId += 2;
    const end = this.encoder.writeHeaders(slab, 0, this.#streamId, request, endStream);
    const frames = framesOf(slab.subarray(0, end));
    expect(frames[0]).toMatchObject({ type: 'HEADERS', endStream });
    return this.#receive(frames).headers;
  }

  #receive(frames: Http2Frame[]): { headers: string[]; body: string } {
    const blocks: Buffer[] = [];
    const data: Buffer[] = [];
    for (const frame of frames) {
      if ('streamId' in frame) expect(frame.streamId).toBe(this.#streamId);
      if ('block' in frame) blocks.push(frame.block);
      if (frame.type === 'DATA') data.push(frame.data);
    }
    const block = Buffer.concat(blocks);
    this.blockBytes = block.length;
    const headers: string[] = [];
    const onField = (name: string, value: string) => headers.push(`${name}: ${value}`);
    this.decoder.decode(block, 0, block.length, { onField });
    return { headers, body: Buffer.concat(data).toString() };
  }
}

function framesOf(bytes: Buffer, maxFrameBytes?: number): Http2Frame[] {
  const frames: Http2Frame[] = [];
  const reader = new PacketReader(frameFormat(maxFrameBytes));
  reader.read(bytes, (chunk, start, end) => frames.push(decodeFrame(chunk, start, end)));
  reader.end();
  return frames;
}

function headersOf(request: NotificationRequest): string[] {
  const optional: [string, unknown][] = [
    ['authorization', request.authorization],
    ['apns-topic', request.topic],
    ['apns-push-type', request.pushType],
    ['apns-priority', request.priority],
    ['apns-id', request.apnsId],
    ['apns-expiration', request.expiration],
    ['apns-collapse-id', request.collapseId],
  ];
  return [
    `:path: /3/device/${request.deviceToken}`,
    ':method: POST',
    ':scheme: https',
    ':authority: api.push.apple.com',
    ...optional.filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`),
  ];
}

describe('a notification', () => {
  it('is HEADERS and a DATA frame that ends the stream', () => {
    const slab = Buffer.alloc(notificationBytes(NOTIFICATION));
    const encoder = new RequestEncoder({ authority: 'localhost:2197' });
    const middle = encoder.writeNotificationHeaders(slab, 0, 1, NOTIFICATION);
    const end = encoder.writeBody(slab, middle, 1, NOTIFICATION.payload);
    expect(framesOf(slab.subarray(0, end))).toMatchObject([
      { type: 'HEADERS', streamId: 1, endStream: false, endHeaders: true },
      { type: 'DATA', streamId: 1, endStream: true, data: Buffer.from('{"aps":{"alert":"hi"}}') },
    ]);
  });

  it('carries every field it has, and no other', () => {
    const full = {
      ...NOTIFICATION,
      expiration: 0,
      collapseId: 'scores-é',
      authorization: `bearer ${'x'.repeat(200)}`,
      priority: 5,
    };
    const wire = new Wire();
    expect(wire.send(full)).toEqual({ headers: headersOf(full), body: full.payload });
    expect(wire.send({ deviceToken: 'ab', payload: Buffer.from('{}') })).toEqual({
      headers: headersOf({ deviceToken: 'ab', payload: '' }),
      body: '{}',
    });
  });

  it('repeats its topic, push type and priority at one byte each', () => {
    const wire = new Wire();
    wire.send({ ...NOTIFICATION, apnsId: 'the first goes into the table' });
    const literals = 2 + '/3/device/'.length + TOKEN.length + 3 + APNS_ID.length;
    wire.send(NOTIFICATION);
    expect(wire.blockBytes).toBe(
      literals + [':method', ':scheme', ':authority', 'topic', 'type', 'priority'].length,
    );
    wire.send({ ...NOTIFICATION, topic: undefined, pushType: undefined, priority: undefined });
    expect(wire.blockBytes).toBe(literals + [':method', ':scheme', ':authority'].length);
  });

  it('puts no token, id, expiration or authorization into the table', () => {
    const wire = new Wire();
    for (let i = 0; i < 10; i++) {
      wire.send({
        ...NOTIFICATION,
        deviceToken: `${i}${i}`,
        apnsId: `${i}`,
        expiration: i,
        collapseId: `c${i}`,
        authorization: `bearer ${i}`,
      });
    }
    expect(wire.table).toEqual([
      'apns-collapse-id: c0',
      'apns-expiration: 0',
      'apns-id: 0',
      'apns-priority: 10',
      'apns-push-type: alert',
      'apns-topic: com.example.app',
      ':authority: api.push.apple.com',
    ]);
  });

  it('is written anew when a setting changed and the table did not', () => {
    const wire = new Wire();
    wire.send(NOTIFICATION);
    wire.encoder.applySettings({ maxFrameSize: 20_000 });
    expect(wire.send(NOTIFICATION)).toEqual({ headers: headersOf(NOTIFICATION), body: NOTIFICATION.payload });
    expect(wire.table).toContain('apns-topic: com.example.app');
  });

  it('puts nothing into the table where it may hold nothing', () => {
    const wire = new Wire(0);
    for (let i = 0; i < 2; i++) expect(wire.send(NOTIFICATION).headers).toEqual(headersOf(NOTIFICATION));
    expect(wire.table).toEqual([]);
  });

  it.each(['deviceToken', 'topic', 'pushType', 'collapseId', 'apnsId', 'authorization', 'payload'])(
    'has room for a %s of any length',
    (field) => {
      const request = {
        ...NOTIFICATION,
        collapseId: 'c',
        authorization: 'bearer x',
        [field]: '~'.repeat(50_000),
      };
      const { headers, body } = new Wire().send(request);
      expect(headers.toSorted()).toEqual(headersOf(request).toSorted());
      expect(body).toBe(request.payload);
      const bytes = notificationBytes(request);
      expect(
        notificationBytes({ ...request, [field]: request[field as 'deviceToken'].slice(1) }),
      ).toBeLessThan(bytes);
    },
  );

  it('needs no room for what it does not have', () => {
    const { deviceToken, payload } = NOTIFICATION;
    const absent = { topic: '', pushType: '', collapseId: '', apnsId: '', authorization: '' };
    expect(notificationBytes({ deviceToken, payload })).toBe(
      notificationBytes({ deviceToken, payload, ...absent }),
    );
  });

  it('is written anew when the table it referred to has gone', () => {
    const wire = new Wire();
    for (const headerTableSize of [4096, 0, 4096, 120, 4096]) {
      wire.encoder.applySettings({ headerTableSize });
      wire.decoder.setMaxTableBytes(headerTableSize);
      for (let i = 0; i < 3; i++) expect(wire.send(NOTIFICATION).headers).toEqual(headersOf(NOTIFICATION));
    }
  });

  it('stays right when the table is too small, shrinks, grows, and drops what was kept as bytes', () => {
    const text = fc.constantFrom('a', 'com.example.app', 'com.example.other', 'x'.repeat(80));
    const notification = fc.record(
      {
        deviceToken: fc.constantFrom(TOKEN, 'ff'.repeat(100)),
        payload: fc.string({ minLength: 1, maxLength: 50, unit: 'grapheme' }),
        topic: text,
        pushType: fc.constantFrom('alert', 'background'),
        priority: fc.constantFrom(10, 5, 1),
        expiration: fc.nat(2 ** 32 - 1),
        collapseId: text,
        apnsId: fc.uuid(),
        authorization: fc.constantFrom('bearer one', `bearer ${'two'.repeat(70)}`),
      },
      { requiredKeys: ['deviceToken', 'payload'] },
    );
    const headerTableSize = fc.constantFrom(0, 40, 64, 150, 300, 4096, 65_536);
    const step = fc.oneof(
      { weight: 4, arbitrary: notification },
      { weight: 1, arbitrary: fc.record({ headerTableSize }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const wire = new Wire();
        for (const each of steps) {
          if ('headerTableSize' in each) {
            wire.encoder.applySettings(each);
            wire.decoder.setMaxTableBytes(each.headerTableSize);
          } else {
            expect(wire.send(each)).toEqual({ headers: headersOf(each), body: each.payload });
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a body', () => {
  it('is split by the frame size the peer allows', () => {
    const encoder = new RequestEncoder({ authority: 'a' });
    const payload = 'é'.repeat(20_000);
    const sizes = () => {
      const slab = Buffer.alloc(bodyBytes(payload));
      const end = encoder.writeBody(slab, 0, 1, payload);
      const frames = framesOf(slab.subarray(0, end), 65_536);
      return frames.map((frame) =>
        frame.type === 'DATA' ? [frame.data.length, frame.endStream] : undefined,
      );
    };
    expect(sizes()).toEqual([
      [16_384, false],
      [16_384, false],
      [40_000 - 2 * 16_384, true],
    ]);
    encoder.applySettings({ maxFrameSize: 65_536 });
    expect(sizes()).toEqual([[40_000, true]]);
  });

  it('needs room for its bytes, or for three per character, and for the frame headers', () => {
    expect(bodyBytes(Buffer.alloc(1000))).toBe(FRAME_HEADER_BYTES + 1000);
    expect(bodyBytes('x'.repeat(1000))).toBe(FRAME_HEADER_BYTES + 3000);
    expect(bodyBytes(Buffer.alloc(40_000))).toBe(3 * FRAME_HEADER_BYTES + 40_000);
  });

  it('may be written in parts, the last of which ends the stream', () => {
    const encoder = new RequestEncoder({ authority: 'a' });
    const slab = Buffer.alloc(100);
    const middle = encoder.writeBody(slab, 0, 1, Buffer.from('{"a'), false);
    const end = encoder.writeBody(slab, middle, 1, Buffer.from('":1}'), true);
    expect(framesOf(slab.subarray(0, end))).toMatchObject([
      { endStream: false, data: Buffer.from('{"a') },
      { endStream: true, data: Buffer.from('":1}') },
    ]);
  });
});

describe('any other request', () => {
  const broadcast: GeneralRequest = {
    method: 'POST',
    path: '/4/broadcasts/apps/com.example.app',
    headers: [
      ['authorization', 'bearer one'],
      ['apns-channel-id', 'dHN0LXNyY2gtY2hubA=='],
      ['apns-push-type', 'liveactivity'],
      ['apns-expiration', '0'],
    ],
  };

  it('is a list of headers behind its target', () => {
    expect(new Wire().sendHeaders(broadcast, false)).toEqual([
      ':method: POST',
      ':scheme: https',
      ':authority: api.push.apple.com',
      `:path: ${broadcast.path}`,
      'authorization: bearer one',
      'apns-channel-id: dHN0LXNyY2gtY2hubA==',
      'apns-push-type: liveactivity',
      'apns-expiration: 0',
    ]);
  });

  it.each(['GET', 'DELETE'])('may have no body: %s', (method) => {
    const path = '/1/apps/com.example.app/channels';
    expect(new Wire().sendHeaders({ method, path, headers: [] }, true)).toEqual([
      `:method: ${method}`,
      ':scheme: https',
      ':authority: api.push.apple.com',
      `:path: ${path}`,
    ]);
  });

  it('puts into the table the first value of what changes, and no path or authorization', () => {
    const wire = new Wire();
    for (let i = 0; i < 3; i++) {
      const request: GeneralRequest = {
        method: 'POST',
        path: `/4/broadcasts/apps/${i}`,
        headers: [
          ['authorization', `bearer ${i}`],
          ['apns-id', `id ${i}`],
          ['apns-expiration', `${i}`],
          ['apns-collapse-id', `c${i}`],
          ['apns-channel-id', `channel ${i}`],
          ['apns-request-id', `request ${i}`],
          ['apns-push-type', `type ${i}`],
        ],
      };
      const headers = request.headers.map(([name, value]) => `${name}: ${value}`);
      expect(wire.sendHeaders(request, true).slice(4)).toEqual(headers);
    }
    expect(wire.table).toEqual([
      'apns-push-type: type 2',
      'apns-push-type: type 1',
      'apns-push-type: type 0',
      'apns-request-id: request 0',
      'apns-channel-id: channel 0',
      'apns-collapse-id: c0',
      'apns-expiration: 0',
      'apns-id: id 0',
      ':authority: api.push.apple.com',
    ]);
  });

  it.each(['method', 'path', 'authority'])('has room for any %s', (field) => {
    const long = '~'.repeat(50_000);
    const authority = field === 'authority' ? long : 'a';
    const request = { ...broadcast, [field]: long };
    const slab = Buffer.alloc(requestHeadersBytes(request, authority));
    const end = new RequestEncoder({ authority }).writeHeaders(slab, 0, 1, request, true);
    const block = framesOf(slab.subarray(0, end)).map((frame) =>
      'block' in frame ? frame.block : Buffer.of(),
    );
    const headers: string[] = [];
    const onField = (name: string, value: string) => headers.push(`${name}: ${value}`);
    const bytes = Buffer.concat(block);
    new HpackDecoder().decode(bytes, 0, bytes.length, { onField });
    expect(headers).toContain(`:${field}: ${long}`);
    expect(headers).toHaveLength(4 + broadcast.headers.length);
  });

  it('leaves the headers of notifications to be written, where it came first', () => {
    const wire = new Wire();
    wire.sendHeaders({ method: 'GET', path: '/', headers: [] }, true);
    const bare = { deviceToken: 'ab', payload: '{}' };
    expect(wire.send(bare).headers).toEqual(headersOf(bare));
  });

  it('shares its table with notifications', () => {
    const wire = new Wire();
    wire.sendHeaders(broadcast, false);
    expect(wire.send(NOTIFICATION).headers).toEqual(headersOf(NOTIFICATION));
    expect(wire.sendHeaders(broadcast, false)).toContain('apns-channel-id: dHN0LXNyY2gtY2hubA==');
  });

  it('continues where one frame does not hold its headers', () => {
    const long: GeneralRequest = { ...broadcast, headers: [['authorization', 'x'.repeat(40_000)]] };
    expect(new Wire().sendHeaders(long, true)).toContain(`authorization: ${'x'.repeat(40_000)}`);
  });
});

it('frames start where the frame before ended, anywhere in a slab', () => {
  const encoder = new RequestEncoder({ authority: 'a' });
  const slab = Buffer.alloc(4096, 0xee);
  const end = encoder.writeNotificationHeaders(slab, 1000, 1, NOTIFICATION);
  expect(slab.subarray(0, 1000).every((byte) => byte === 0xee)).toBe(true);
  expect(decodeFrame(slab, 1000, end)).toMatchObject({ type: 'HEADERS' });
  expect(end).toBeGreaterThan(1000 + FRAME_HEADER_BYTES);
});
