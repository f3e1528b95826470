import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResponseDecoder, type ResponseDecoderOptions } from '../../../src/protocol/apns/response.js';
import { HpackEncoder } from '../../../src/protocol/hpack/encoder.js';
import { Http2ErrorCode, type Http2ErrorName } from '../../../src/protocol/http2/error-code.js';
import { thrownBy } from '../http2/bytes.js';

type Fields = readonly (readonly [name: string, value: string])[];

const APNS_ID = '0f7e9b6a-3c1d-4e5f-8a9b-0c1d2e3f4a5b';

/** A gateway and a client in one: fields and text in, what the client makes of them out. */
class Wire {
  readonly encoder = new HpackEncoder();
  readonly decoder: ResponseDecoder;

  constructor(options?: ResponseDecoderOptions) {
    this.decoder = new ResponseDecoder(options);
  }

  headers(streamId: number, fields: Fields, endStream: boolean) {
    const block = this.block(fields);
    return this.decoder.onHeaders(streamId, block, 0, block.length, endStream);
  }

  data(streamId: number, text: string | Buffer, endStream: boolean) {
    const chunk = Buffer.concat([Buffer.from('##'), Buffer.from(text), Buffer.from('##')]);
    return this.decoder.onData(streamId, chunk, 2, chunk.length - 2, endStream);
  }

  block(fields: Fields, indexing: 'add' | 'pass' = 'add'): Buffer {
    const slab = Buffer.alloc(100_000);
    let end = this.encoder.writeBlockStart(slab, 0);
    for (const [name, value] of fields) end = this.encoder.writeField(slab, end, name, value, indexing);
    return Buffer.from(slab.subarray(0, end));
  }

  /** A rejection: HEADERS, then the body in DATA. */
  reject(statusCode: number, body: string | Buffer, ...more: Fields) {
    expect(this.headers(1, [[':status', `${statusCode}`], ...more], false)).toBeUndefined();
    return this.data(1, body, true);
  }
}

function malformed(streamId = 1, name: Http2ErrorName = 'PROTOCOL_ERROR'): object {
  return { code: 'APNS_ERR_HTTP2_PROTOCOL', streamId, http2ErrorCode: Http2ErrorCode[name] };
}

describe('an accepted notification', () => {
  it('is 200 in one HEADERS frame, with the ids it comes with', () => {
    const wire = new Wire();
    const fields: Fields = [
      [':status', '200'],
      ['apns-id', APNS_ID],
      ['apns-unique-id', 'b2e1'],
    ];
    expect(wire.headers(1, fields, true)).toMatchObject({
      statusCode: 200,
      apnsId: APNS_ID,
      apnsUniqueId: 'b2e1',
      bodyBytes: 0,
    });
    expect(wire.decoder.openResponses).toBe(0);
  });

  it('needs no apns-id, and has none of the response before', () => {
    const wire = new Wire();
    wire.headers(
      1,
      [
        [':status', '200'],
        ['apns-id', APNS_ID],
        ['date', 'x'],
        ['retry-after', '1'],
      ],
      true,
    );
    expect(wire.headers(3, [[':status', '200']], true)).toMatchObject({
      statusCode: 200,
      apnsId: undefined,
      date: undefined,
      retryAfter: undefined,
    });
  });

  it('has the same fields where they are not in the table', () => {
    const wire = new Wire();
    const fields = {
      'apns-id': APNS_ID,
      'apns-unique-id': 'b2e1',
      'apns-channel-id': 'c',
      'apns-request-id': 'r',
      'retry-after': '1',
      date: 'now',
    };
    const block = wire.block([[':status', '299'], ['server', 'x'], ...Object.entries(fields)], 'pass');
    expect(wire.decoder.onHeaders(1, block, 0, block.length, true)).toMatchObject({
      statusCode: 299,
      apnsId: APNS_ID,
      apnsUniqueId: 'b2e1',
      apnsChannelId: 'c',
      apnsRequestId: 'r',
      retryAfter: '1',
      date: 'now',
    });
  });

  it('may end with an empty DATA frame, or with trailers', () => {
    const wire = new Wire();
    wire.headers(1, [[':status', '200']], false);
    wire.headers(3, [[':status', '200']], false);
    expect(wire.decoder.openResponses).toBe(2);
    expect(wire.data(1, '', true)).toMatchObject({ statusCode: 200, bodyBytes: 0 });
    expect(wire.headers(3, [['x-trailer', '1']], true)).toMatchObject({ statusCode: 200 });
    expect(wire.decoder.openResponses).toBe(0);
  });

  it('may follow interim responses', () => {
    const wire = new Wire();
    expect(wire.headers(1, [[':status', '100']], false)).toBeUndefined();
    expect(
      wire.headers(
        1,
        [
          [':status', '103'],
          ['link', 'x'],
        ],
        false,
      ),
    ).toBeUndefined();
    expect(wire.headers(1, [[':status', '200']], true)).toMatchObject({ statusCode: 200 });
  });
});

describe('a rejection', () => {
  it('has the reason of its body', () => {
    expect(new Wire().reject(400, '{"reason":"BadDeviceToken"}', ['apns-id', APNS_ID])).toMatchObject({
      statusCode: 400,
      apnsId: APNS_ID,
      reason: 'BadDeviceToken',
      timestamp: undefined,
    });
  });

  it.each([
    ['with a timestamp', '{"reason":"Unregistered","timestamp":1741190400000}', 1_741_190_400_000],
    ['without', '{"reason":"Unregistered"}', undefined],
  ])('of status 410 comes %s', (_how, body, timestamp) => {
    expect(new Wire().reject(410, body)).toMatchObject({
      statusCode: 410,
      reason: 'Unregistered',
      timestamp,
    });
  });

  it.each([429, 500, 503])('of status %i tells when to come back', (statusCode) => {
    const response = new Wire().reject(
      statusCode,
      '{"reason":"Shutdown"}',
      ['retry-after', '2'],
      ['date', 'now'],
    );
    expect(response).toMatchObject({ statusCode, retryAfter: '2', date: 'now' });
  });

  it('has a reason from status 300 on', () => {
    expect(new Wire().reject(299, '{"reason":"BadTopic"}')?.reason).toBeUndefined();
    expect(new Wire().reject(300, '{"reason":"BadTopic"}')?.reason).toBe('BadTopic');
  });

  it('says nothing about the responses that come after it', () => {
    const wire = new Wire();
    wire.reject(410, '{"reason":"Unregistered","timestamp":1}');
    wire.reject(410, '{"reason":"Unregistered","timestamp":1}');
    for (const streamId of [3, 5]) {
      const response = wire.headers(streamId, [[':status', '500']], true);
      expect(response).toMatchObject({ reason: undefined, timestamp: undefined, bodyBytes: 0 });
      expect(response?.body).toHaveLength(0);
    }
    expect(wire.reject(400, '{}')).toMatchObject({
      body: Buffer.from('{}'),
      reason: undefined,
      bodyBytes: 2,
    });
  });

  it.each([
    ['HTML', '<html>nope</html>'],
    ['broken JSON', '{"reason":"Bad'],
    ['a reason that is no string', '{"reason":{}}'],
    ['nothing', ''],
  ])('may have %s for a body', (_what, body) => {
    expect(new Wire().reject(400, body)).toMatchObject({
      statusCode: 400,
      reason: undefined,
      body: Buffer.from(body),
    });
  });

  it('may have no body at all', () => {
    expect(new Wire().headers(1, [[':status', '404']], true)).toMatchObject({
      statusCode: 404,
      reason: undefined,
    });
  });

  it('keeps 16 KiB of 10 MB and counts the rest', () => {
    const wire = new Wire();
    wire.headers(1, [[':status', '400']], false);
    for (let i = 0; i < 1000; i++) expect(wire.data(1, Buffer.alloc(10_000, 0x78), false)).toBeUndefined();
    const response = wire.data(1, 'end', true);
    expect(response).toMatchObject({ statusCode: 400, reason: undefined, bodyBytes: 10_000_003 });
    expect(response?.body.equals(Buffer.alloc(16_384, 0x78))).toBe(true);
  });

  it('is put together from frames of any size, streams interleaved', () => {
    const body = Buffer.from('{"reason":"BadDeviceToken","note":"é"}');
    const cuts = fc
      .array(fc.nat(body.length), { maxLength: 50 })
      .map((at) => [0, ...at, body.length].sort((a, b) => a - b));
    fc.assert(
      fc.property(cuts, (at) => {
        const wire = new Wire();
        wire.headers(1, [[':status', '400']], false);
        wire.headers(3, [[':status', '403']], false);
        for (let i = 1; i < at.length; i++) {
          wire.data(1, body.subarray(at[i - 1], at[i]), false);
          wire.data(3, 'x', false);
        }
        expect(wire.data(1, '', true)).toMatchObject({ reason: 'BadDeviceToken', body });
        expect(wire.data(3, '', true)).toMatchObject({ statusCode: 403, bodyBytes: at.length - 1 });
      }),
    );
  });
});

describe('channel management', () => {
  it('answers with a channel id, a request id and a body', () => {
    const wire = new Wire();
    const ids: Fields = [
      [':status', '201'],
      ['apns-channel-id', 'dHN0LXNyY2gtY2hubA=='],
      ['apns-request-id', APNS_ID],
    ];
    expect(wire.headers(1, ids, true)).toMatchObject({
      statusCode: 201,
      apnsChannelId: 'dHN0LXNyY2gtY2hubA==',
      apnsRequestId: APNS_ID,
    });
    wire.headers(3, [[':status', '200']], false);
    const body = '{"channels":["dHN0LXNyY2gtY2hubA=="],"reason":"not one"}';
    expect(wire.data(3, body, true)).toMatchObject({ body: Buffer.from(body), reason: undefined });
  });
});

describe('a stream error is', () => {
  it.each<[string, Fields]>([
    ['no :status', [['apns-id', 'x']]],
    ['an empty header list', []],
    [
      ':status twice',
      [
        [':status', '200'],
        [':status', '200'],
      ],
    ],
    [
      ':status behind another header',
      [
        ['apns-id', 'x'],
        [':status', '200'],
      ],
    ],
    ['a :status that is no number', [[':status', 'ok']]],
    ['a :status of two digits', [[':status', '20']]],
    ['a :status of four digits', [[':status', '2000']]],
    ['a :status with a word before it', [[':status', 'OK200']]],
    ['a pseudo-header of requests that looks like a status', [[':path', '200']]],
    [
      'a pseudo-header of requests',
      [
        [':status', '200'],
        [':path', '/'],
      ],
    ],
    ['an interim response that ends the stream', [[':status', '100']]],
  ])('%s', (_what, fields) => {
    const wire = new Wire();
    expect(thrownBy(() => wire.headers(1, fields, true))).toMatchObject(malformed());
    expect(wire.headers(3, [[':status', '200']], true)).toMatchObject({ statusCode: 200 });
  });

  it('no :status, although the stream goes on', () => {
    expect(thrownBy(() => new Wire().headers(1, [['apns-id', 'x']], false))).toMatchObject(malformed());
  });

  it('DATA without headers', () => {
    expect(thrownBy(() => new Wire().data(1, 'x', true))).toMatchObject(malformed());
    const wire = new Wire();
    wire.headers(1, [[':status', '100']], false);
    expect(thrownBy(() => wire.data(1, 'x', true))).toMatchObject(malformed());
  });

  it.each<[string, Fields, boolean]>([
    ['trailers that do not end the stream', [['x-trailer', '1']], false],
    ['trailers with a :status', [[':status', '200']], true],
    ['trailers with any pseudo-header', [[':path', '/']], true],
  ])('%s', (_what, trailers, endStream) => {
    const wire = new Wire();
    wire.headers(1, [[':status', '400']], false);
    expect(thrownBy(() => wire.headers(1, trailers, endStream))).toMatchObject(malformed());
    expect(wire.decoder.openResponses).toBe(0);
  });

  it('a header list of one byte more than the limit', () => {
    // RFC 9113, section 6.5.2: the name, the value and 32 bytes.
    const bytes = ':status'.length + '200'.length + 32;
    const headers = (maxHeaderListBytes: number) =>
      new Wire({ maxHeaderListBytes }).headers(1, [[':status', '200']], true);
    expect(headers(bytes)).toMatchObject({ statusCode: 200 });
    expect(thrownBy(() => headers(bytes - 1))).toMatchObject(malformed(1, 'ENHANCE_YOUR_CALM'));
  });

  it('a header list over the limit, and the table survives it', () => {
    const wire = new Wire({ maxHeaderListBytes: 200 });
    const fields: Fields = [
      [':status', '200'],
      ['x-long', 'x'.repeat(200)],
    ];
    expect(thrownBy(() => wire.headers(1, fields, true))).toMatchObject(malformed(1, 'ENHANCE_YOUR_CALM'));
    expect(
      wire.headers(
        3,
        [
          [':status', '200'],
          ['x-short', 'x'],
        ],
        true,
      ),
    ).toMatchObject({ statusCode: 200 });
  });
});

describe('a stream nobody waits for', () => {
  it('still has its header blocks decoded', () => {
    const wire = new Wire();
    const block = wire.block([
      [':status', '200'],
      ['apns-id', APNS_ID],
    ]);
    wire.decoder.skipHeaders(block, 0, block.length);
    expect(
      wire.headers(
        3,
        [
          [':status', '200'],
          ['apns-id', APNS_ID],
        ],
        true,
      ),
    ).toMatchObject({ apnsId: APNS_ID });
  });

  it('is forgotten when its trailers exceed the limit', () => {
    const wire = new Wire({ maxHeaderListBytes: 100 });
    wire.headers(1, [[':status', '400']], false);
    expect(thrownBy(() => wire.headers(1, [['x-long', 'x'.repeat(100)]], true))).toMatchObject(
      malformed(1, 'ENHANCE_YOUR_CALM'),
    );
    expect(wire.decoder.openResponses).toBe(0);
  });

  it('is forgotten with what was read of it', () => {
    const wire = new Wire();
    wire.headers(1, [[':status', '400']], false);
    wire.decoder.forget(1);
    expect(wire.decoder.openResponses).toBe(0);
    expect(thrownBy(() => wire.data(1, 'x', true))).toMatchObject(malformed());
  });
});

describe('a response that will not be finished', () => {
  it('is what has come of it, once', () => {
    const wire = new Wire();
    wire.headers(1, [[':status', '400']], false);
    wire.data(1, '{"reason":"BadTopic"}', false);
    expect(wire.decoder.takePartial(1)).toMatchObject({ statusCode: 400, reason: 'BadTopic' });
    expect(wire.decoder.takePartial(1)).toBeUndefined();
  });
});

it('a table larger than the limit is a connection error', () => {
  const wire = new Wire({ maxTableBytes: 100 });
  expect(thrownBy(() => wire.headers(1, [[':status', '200']], true))).toMatchObject(
    malformed(0, 'COMPRESSION_ERROR'),
  );
  const limited = new Wire({ maxTableBytes: 100 });
  limited.encoder.setMaxTableBytes(100);
  expect(limited.headers(1, [[':status', '200']], true)).toMatchObject({ statusCode: 200 });
});

it('a header block that cannot be decoded is a connection error', () => {
  const block = Buffer.from('be', 'hex');
  expect(thrownBy(() => new ResponseDecoder().onHeaders(1, block, 0, 1, true))).toMatchObject(
    malformed(0, 'COMPRESSION_ERROR'),
  );
});
