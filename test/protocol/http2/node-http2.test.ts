/** The other implementation at hand, node:http2, reads what is written here and writes what is read here. */
import { once } from 'node:events';
import { createServer, type ServerHttp2Session } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { notificationBytes, RequestEncoder } from '../../../src/protocol/apns/request.js';
import { ResponseDecoder } from '../../../src/protocol/apns/response.js';
import { HpackDecoder } from '../../../src/protocol/hpack/decoder.js';
import {
  BLOCK_START_BYTES,
  type FieldIndexing,
  HpackEncoder,
  headerFieldBytes,
} from '../../../src/protocol/hpack/encoder.js';
import { STATIC_TABLE } from '../../../src/protocol/hpack/static-table.js';
import { encodeFrame } from '../../../src/protocol/http2/frame.js';
import { CLIENT_PREFACE, FRAME_HEADER_BYTES } from '../../../src/protocol/http2/frame-header.js';
import { type FrameHandler, FrameReader } from '../../../src/protocol/http2/frame-reader.js';
import { frameHeaderBlock, splitBytes } from '../../../src/protocol/http2/frame-split.js';
import type { Http2Settings } from '../../../src/protocol/http2/settings.js';

type Field = readonly [name: string, value: string, indexing?: FieldIndexing];

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server whose answer is the request's own headers; it remembers the lists it was given. */
async function startEcho(settings: { headerTableSize: number }) {
  const lists: Field[][] = [];
  const sessions: ServerHttp2Session[] = [];
  const server = createServer({ settings: { ...settings, maxHeaderListSize: 1_000_000 } });
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream, _headers, _flags, ...rest: unknown[]) => {
    // The types of Node 20 do not know the fourth argument: names and values as they came.
    const raw = rest[0] as string[];
    const list = Array.from({ length: raw.length / 2 }, (_, i): Field => [raw[2 * i]!, raw[2 * i + 1]!]);
    lists.push(list);
    const answer: Record<string, string[]> = {};
    for (const [name, value] of list) {
      if (name.startsWith('x-')) answer[name] = [...(answer[name] ?? []), value];
    }
    stream.respond({ ':status': 200, ...answer }, { endStream: true });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, lists, sessions };
}

/** A connection with just enough of a client around the codecs: it obeys SETTINGS and acknowledges them. */
class Client implements FrameHandler {
  readonly socket: Socket;
  readonly encoder = new HpackEncoder();
  readonly decoder = new HpackDecoder();
  readonly #reader = new FrameReader(this);
  readonly #ownTableBytes: number;
  #streamId = -1;
  #onAnswer: ((list: Field[]) => void) | undefined;
  #onSettings: (() => void) | undefined;
  #onAcknowledged: (() => void) | undefined;
  #fail: (error: unknown) => void = () => {};
  readonly failed: Promise<never>;

  constructor(port: number, ownTableBytes: number) {
    this.#ownTableBytes = ownTableBytes;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', this.#fail);
    this.socket.on('close', () => this.#fail(new Error('the server closed the connection')));
    this.socket.on('data', (chunk) => {
      try {
        this.#reader.read(chunk);
      } catch (error) {
        this.#fail(error);
      }
    });
    closing.push(() => this.socket.destroy());
  }

  /** Settles when both sides have acknowledged each other's SETTINGS. */
  async start(): Promise<void> {
    const settings = { headerTableSize: this.#ownTableBytes, enablePush: false };
    this.socket.write(CLIENT_PREFACE);
    this.socket.write(encodeFrame({ type: 'SETTINGS', ack: false, settings }));
    await this.#next((resolve) => (this.#onAcknowledged = resolve));
  }

  async send(fields: readonly Field[]): Promise<Field[]> {
    const most = fields.reduce(
      (sum, [name, value]) => sum + headerFieldBytes(name, value),
      BLOCK_START_BYTES,
    );
    const slab = Buffer.alloc(most + splitBytes(most, 16_384));
    let end = this.encoder.writeBlockStart(slab, FRAME_HEADER_BYTES);
    for (const [name, value, indexing] of fields) {
      end = this.encoder.writeField(slab, end, name, value, indexing ?? 'add');
    }
    this.#streamId += 2;
    end = frameHeaderBlock(slab, 0, end, this.#streamId, true, 16_384);
    this.socket.write(slab.subarray(0, end));
    return await this.#next<Field[]>((resolve) => (this.#onAnswer = resolve));
  }

  nextSettings(): Promise<void> {
    return this.#next((resolve) => (this.#onSettings = resolve));
  }

  #next<T = void>(arm: (resolve: (value: T) => void) => void): Promise<T> {
    return Promise.race([this.failed, new Promise<T>(arm)]);
  }

  onHeaders(_streamId: number, bytes: Buffer, start: number, end: number): void {
    const list: Field[] = [];
    this.decoder.decode(bytes, start, end, { onField: (name, value) => list.push([name, value]) });
    this.#onAnswer?.(list);
  }
  onSettings(settings: Http2Settings): void {
    if (settings.headerTableSize !== undefined) this.encoder.setMaxTableBytes(settings.headerTableSize);
    this.socket.write(encodeFrame({ type: 'SETTINGS', ack: true, settings: {} }));
    this.#onSettings?.();
  }
  onSettingsAck(): void {
    this.decoder.setMaxTableBytes(this.#ownTableBytes);
    this.#onAcknowledged?.();
  }
  onGoaway(_lastStreamId: number, errorCode: number, debugData: Buffer): void {
    this.#fail(new Error(`GOAWAY ${errorCode} ${debugData}`));
  }
  onRstStream(_streamId: number, errorCode: number): void {
    this.#fail(new Error(`RST_STREAM ${errorCode}`));
  }
  onStreamError(error: Error): void {
    this.#fail(error);
  }
  onData(): void {}
  onPing(): void {}
  onWindowUpdate(): void {}
}

const TARGET: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'localhost'],
  [':path', '/', 'pass'],
];

const visible = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 120,
});
const field: fc.Arbitrary<Field> = fc.tuple(
  fc.oneof(
    fc.constantFrom('x-a', 'x-topic', 'x-push-type', `x-${'long'.repeat(20)}`),
    fc.nat(20).map((n) => `x-${n}`),
  ),
  fc.oneof(fc.constantFrom('', '0', 'alert', 'com.example.app'), visible),
  fc.constantFrom<FieldIndexing>('add', 'pass', 'never'),
);
const lists = fc.array(fc.array(field, { maxLength: 15 }), { minLength: 1, maxLength: 12 });
const tableBytes = fc.constantFrom(0, 64, 200, 4096);

const bare = (list: readonly Field[]): Field[] => list.map(([name, value]) => [name, value]);
const sorted = (list: readonly Field[]): string[] => list.map(([name, value]) => `${name}: ${value}`).sort();

describe('node:http2', () => {
  it('decodes what is encoded here and is decoded here, whatever the tables of both sides', async () => {
    await fc.assert(
      fc.asyncProperty(lists, tableBytes, tableBytes, async (sent, theirTableBytes, ownTableBytes) => {
        const echo = await startEcho({ headerTableSize: theirTableBytes });
        const client = new Client(echo.port, ownTableBytes);
        try {
          await client.start();
          for (const list of sent) {
            const answer = await client.send([...TARGET, ...list]);
            expect(echo.lists.at(-1)).toEqual(bare([...TARGET, ...list]));
            expect(sorted(answer.filter(([name]) => name !== 'date'))).toEqual(
              sorted([[':status', '200'], ...list]),
            );
          }
        } finally {
          for (const close of closing.splice(0)) close();
        }
      }),
      { numRuns: 60 },
    );
  });

  it('follows the table through changes of its size', async () => {
    const echo = await startEcho({ headerTableSize: 4096 });
    const client = new Client(echo.port, 4096);
    await client.start();
    const list: Field[] = [...TARGET, ['x-topic', 'com.example.app'], ['x-push-type', 'alert']];
    for (const headerTableSize of [4096, 0, 64, 40, 4096, 8192, 0, 4096]) {
      const applied = client.nextSettings();
      echo.sessions[0]!.settings({ headerTableSize });
      await applied;
      for (let i = 0; i < 3; i++) {
        await client.send([...list, ['x-n', `${headerTableSize}-${i}`]]);
        expect(echo.lists.at(-1)).toEqual(bare([...list, ['x-n', `${headerTableSize}-${i}`]]));
      }
    }
  });

  it('knows the same static table', async () => {
    const echo = await startEcho({ headerTableSize: 4096 });
    const client = new Client(echo.port, 4096);
    await client.start();
    // Fields of responses and of connections have no place in a request.
    const unfit = /^:|^(host|transfer-encoding|content-length|te|connection|cookie)$/;
    const list = STATIC_TABLE.filter(({ name }) => !unfit.test(name)).map(
      ({ name, value }): Field => [name, value === '' ? 'x' : value, 'pass'],
    );
    await client.send([...TARGET, ...list]);
    expect(echo.lists.at(-1)).toEqual(bare([...TARGET, ...list]));
  });

  it('reads notifications, and its answers are read', async () => {
    const bodies: string[] = [];
    const server = createServer();
    server.on('session', (session) => closing.push(() => session.destroy()));
    server.on('stream', async (stream, headers) => {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      bodies.push(Buffer.concat(chunks).toString());
      const apnsId = headers['apns-id'] as string;
      if (headers[':path'] === '/3/device/aa') {
        stream.respond({ ':status': 200, 'apns-id': apnsId }, { endStream: true });
      } else {
        stream.respond({ ':status': 410, 'apns-id': apnsId });
        stream.end('{"reason":"Unregistered","timestamp":1741190400000}');
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());

    const encoder = new RequestEncoder({ authority: 'localhost' });
    const decoder = new ResponseDecoder();
    const answers: unknown[] = [];
    const slab = Buffer.alloc(65_536);
    let end = slab.write(CLIENT_PREFACE);
    end += encodeFrame({ type: 'SETTINGS', ack: false, settings: {} }).copy(slab, end);
    ['aa', 'bb', 'aa'].forEach((deviceToken, i) => {
      const apnsId = `00000000-0000-4000-8000-00000000000${i}`;
      const request = { deviceToken, payload: `{"aps":{"badge":${i}}}`, topic: 'com.example.app', apnsId };
      expect(notificationBytes(request)).toBeLessThan(slab.length - end);
      end = encoder.writeNotificationHeaders(slab, end, 2 * i + 1, request);
      end = encoder.writeBody(slab, end, 2 * i + 1, request.payload);
    });
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    closing.push(() => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      const collect = (answer: unknown) => {
        if (answer !== undefined) answers.push({ ...(answer as object) });
        if (answers.length === 3) resolve();
      };
      const reader = new FrameReader({
        onHeaders: (...block) => collect(decoder.onHeaders(...block)),
        onData: (id, bytes, start, to, endStream) => collect(decoder.onData(id, bytes, start, to, endStream)),
        onSettings: () => socket.write(encodeFrame({ type: 'SETTINGS', ack: true, settings: {} })),
        onSettingsAck() {},
        onPing() {},
        onGoaway: (...goaway) => reject(new Error(`GOAWAY ${goaway}`)),
        onRstStream: (...reset) => reject(new Error(`RST_STREAM ${reset}`)),
        onWindowUpdate() {},
        onStreamError: reject,
      });
      socket.on('error', reject);
      socket.on('data', (chunk) => reader.read(chunk));
      socket.write(slab.subarray(0, end));
    });
    expect(bodies.sort()).toEqual([0, 1, 2].map((badge) => `{"aps":{"badge":${badge}}}`));
    expect(answers).toHaveLength(3);
    for (const answer of answers) {
      expect(answer).toMatchObject(
        (answer as { apnsId: string }).apnsId.endsWith('1')
          ? { statusCode: 410, reason: 'Unregistered', timestamp: 1_741_190_400_000 }
          : { statusCode: 200, bodyBytes: 0 },
      );
    }
  });
});
