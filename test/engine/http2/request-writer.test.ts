import { EventEmitter } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import type { Notification } from '../../../src/core/notification.js';
import { Http2Output } from '../../../src/engine/http2/output.js';
import { type PendingNotification, RequestPreparer } from '../../../src/engine/http2/pending-notification.js';
import { Http2RequestWriter } from '../../../src/engine/http2/request-writer.js';
import { StreamTable } from '../../../src/engine/http2/stream-table.js';
import { HpackDecoder } from '../../../src/protocol/hpack/decoder.js';
import { CLIENT_PREFACE, MAX_UINT31 } from '../../../src/protocol/http2/frame-header.js';
import { FrameReader } from '../../../src/protocol/http2/frame-reader.js';
import { TOKEN } from '../../support/frames.js';

const WINDOW = 65_535;
const FLOW_CONTROL_ERROR = expect.objectContaining({ http2ErrorCode: 3 });

const preparer = new RequestPreparer({ auth: 'token', defaultTopic: 'com.example.app' });

class FakeSocket extends EventEmitter {
  writable = true;
  writableLength = 0;
  isFull = false;
  chunks: Buffer[] = [];

  write(chunk: Buffer): boolean {
    this.chunks.push(Buffer.from(chunk));
    return !this.isFull;
  }
}

/** A writer, and what a peer reads of it. */
class Setup {
  readonly socket = new FakeSocket();
  readonly output = new Http2Output(this.socket as unknown as TLSSocket);
  readonly writer = new Http2RequestWriter(this.output, 'gateway.example');
  readonly streams = new StreamTable();
  readonly headers: Record<string, string>[] = [];
  #events: string[] = [];
  #isStarted = false;
  readonly decoder = new HpackDecoder();
  readonly #reader = new FrameReader({
    onHeaders: (streamId, bytes, start, end, endStream) => {
      const fields = new Map<string, string>();
      this.decoder.decode(bytes, start, end, { onField: (name, value) => void fields.set(name, value) });
      this.headers.push(Object.fromEntries(fields));
      this.#events.push(`${streamId} headers${endStream ? ' end' : ''}`);
    },
    onData: (streamId, _bytes, start, end, endStream) => {
      this.#events.push(`${streamId} ${end - start}${endStream ? ' end' : ''}`);
    },
    onRstStream: () => {},
    onSettings: () => {},
    onSettingsAck: () => {},
    onPing: () => {},
    onGoaway: () => {},
    onWindowUpdate: () => {},
    onStreamError: (error) => {
      throw error;
    },
  });

  constructor() {
    this.output.writeControl({ type: 'SETTINGS', ack: false, settings: {} });
  }

  /** Opens a stream for a notification with so many bytes of payload. */
  write(bytes: number, more: Partial<Notification> = {}): PendingNotification {
    const payload = 'x'.repeat(bytes);
    const pending = preparer.prepare({ deviceToken: TOKEN, payload: '{}', ...more }, 0);
    const sized = Object.assign(pending, { payload }) as PendingNotification;
    sized.streamId = this.streams.open(sized);
    this.writer.write(sized);
    return sized;
  }

  /** The frames that were written since the last call. */
  frames(): string[] {
    this.output.flush();
    const bytes = Buffer.concat(this.socket.chunks);
    this.socket.chunks = [];
    this.#events = [];
    this.#reader.read(this.#isStarted ? bytes : bytes.subarray(CLIENT_PREFACE.length));
    this.#isStarted = true;
    return this.#events;
  }
}

describe('a body', () => {
  it('is sent whole where both windows take it', () => {
    const it = new Setup();
    const pending = it.write(1000);
    expect(it.frames()).toEqual(['1 headers', '1 1000 end']);
    expect([it.writer.writtenBytes, pending.windowOffset, pending.rest]).toEqual([1000, -1000, undefined]);
    expect(it.headers[0]).toMatchObject({ ':authority': 'gateway.example', ':path': `/3/device/${TOKEN}` });
  });

  it('is sent in frames of 16,384 bytes', () => {
    const it = new Setup();
    expect(it.write(16_384).rest).toBeUndefined();
    it.write(40_000);
    expect(it.frames()).toEqual([
      '1 headers',
      '1 16384 end',
      '3 headers',
      '3 16384',
      '3 16384',
      '3 7232 end',
    ]);
    expect(it.writer.writtenBytes).toBe(56_384);
  });

  it('waits for the window of the connection, and goes on as that grows', () => {
    const it = new Setup();
    it.write(60_000);
    expect(it.writer.hasRoom).toBe(true);
    const pending = it.write(10_000);
    expect(it.frames().slice(-2)).toEqual(['3 headers', '3 5535']);
    expect([it.writer.hasRoom, pending.rest?.length, it.writer.writtenBytes]).toEqual([false, 4465, WINDOW]);
    expect(it.writer.continuedBytes).toBe(0);
    it.writer.grow(3000);
    it.writer.grow(1000);
    // Each window may be one of many in a chunk.
    expect(it.frames()).toEqual([]);
    it.writer.writeOn();
    expect([it.frames(), it.writer.hasRoom]).toEqual([['3 4000'], false]);
    expect(it.writer.continuedBytes).toBe(4000);
    it.writer.grow(466);
    it.writer.writeOn();
    expect([it.frames(), it.writer.hasRoom]).toEqual([['3 465 end'], true]);
    expect([pending.rest, it.writer.writtenBytes, it.writer.continuedBytes]).toEqual([
      undefined,
      70_000,
      4465,
    ]);
    it.writer.grow(1);
    it.writer.writeOn();
    expect(it.frames()).toEqual([]);
  });

  it('goes to each stream in the order they were opened', () => {
    const it = new Setup();
    it.write(WINDOW);
    it.write(100);
    it.write(100);
    it.frames();
    it.writer.grow(150);
    it.writer.writeOn();
    expect(it.frames()).toEqual(['3 100 end', '5 50']);
  });

  it('waits for the window of its stream alone', () => {
    const it = new Setup();
    it.writer.applySettings({ initialWindowSize: 100 }, it.streams);
    const first = it.write(250);
    expect(it.frames()).toEqual(['1 headers', '1 100']);
    it.write(100);
    expect(it.frames()).toEqual(['3 headers', '3 100 end']);
    it.writer.grow(1000);
    it.writer.writeOn();
    expect([it.frames(), it.writer.hasRoom]).toEqual([[], true]);
    expect(it.writer.growStream(first, 70)).toBe(true);
    expect(it.frames()).toEqual(['1 70']);
    expect(it.writer.growStream(first, 81)).toBe(true);
    expect(it.frames()).toEqual(['1 80 end']);
    expect(it.writer.growStream(first, 1)).toBe(true);
    expect(it.frames()).toEqual([]);
    expect([it.writer.writtenBytes, it.writer.continuedBytes]).toEqual([350, 150]);
  });

  it('follows the initial window, below zero if need be', () => {
    const it = new Setup();
    it.writer.applySettings({ initialWindowSize: 100 }, it.streams);
    it.write(250);
    it.writer.applySettings({ maxConcurrentStreams: 7 }, it.streams);
    it.write(101);
    expect(it.frames()).toEqual(['1 headers', '1 100', '3 headers', '3 100']);
    it.writer.applySettings({ initialWindowSize: 20 }, it.streams);
    it.writer.writeOn();
    expect(it.frames()).toEqual([]);
    it.writer.applySettings({ initialWindowSize: 120 }, it.streams);
    it.writer.writeOn();
    expect(it.frames()).toEqual(['1 20', '3 1 end']);
  });

  it('waits whole where the initial window is zero', () => {
    const it = new Setup();
    it.writer.applySettings({ initialWindowSize: 0 }, it.streams);
    expect(it.write(10).rest?.length).toBe(10);
    expect(it.frames()).toEqual(['1 headers']);
  });

  it('waits for a socket that asks for a pause', () => {
    const it = new Setup();
    it.socket.isFull = true;
    it.frames();
    const pending = it.write(20_000);
    expect([it.frames(), pending.rest?.length]).toEqual([['1 headers'], 20_000]);
    it.writer.writeOn();
    it.writer.growStream(pending, 1);
    expect(it.frames()).toEqual([]);
    it.socket.isFull = false;
    it.socket.emit('drain');
    it.writer.writeOn();
    expect(it.frames()).toEqual(['1 16384', '1 3616 end']);
  });

  it('is forgotten with its stream', () => {
    const it = new Setup();
    it.write(WINDOW);
    const pending = it.write(100);
    const other = it.write(0);
    it.writer.drop(pending);
    it.writer.drop(other);
    it.frames();
    it.writer.grow(1000);
    it.writer.writeOn();
    expect([it.frames(), pending.rest?.length]).toEqual([[], 100]);
  });

  it('that is not ASCII counts with its bytes of UTF-8', () => {
    const it = new Setup();
    it.writer.applySettings({ initialWindowSize: 10 }, it.streams);
    const pending = preparer.prepare({ deviceToken: TOKEN, payload: '"äöü€"' }, 0);
    pending.streamId = it.streams.open(pending);
    it.writer.write(pending);
    expect(it.frames()).toEqual(['1 headers', '1 10']);
    expect(pending.rest).toEqual(Buffer.from('"'));
  });

  it('of bytes is sent whole up to the last one that the window takes', () => {
    const it = new Setup();
    it.writer.applySettings({ initialWindowSize: 10 }, it.streams);
    for (const length of [10, 11]) {
      const pending = preparer.prepare({ deviceToken: TOKEN, payload: Buffer.alloc(length, 0x31) }, 0);
      pending.streamId = it.streams.open(pending);
      it.writer.write(pending);
    }
    expect(it.frames()).toEqual(['1 headers', '1 10 end', '3 headers', '3 10']);
  });
});

describe('a writer', () => {
  it('has room for 1,024 bodies that wait for a window', () => {
    const it = new Setup();
    it.writer.applySettings({ initialWindowSize: 0 }, it.streams);
    for (let i = 1; i < 1024; i++) it.write(2);
    expect(it.writer.hasRoom).toBe(true);
    const last = it.write(2);
    expect(it.writer.hasRoom).toBe(false);
    it.writer.drop(last);
    expect(it.writer.hasRoom).toBe(true);
  });

  it('lets no window grow beyond 2^31-1', () => {
    const it = new Setup();
    const pending = it.write(100);
    it.writer.grow(MAX_UINT31 - WINDOW + 100);
    expect(() => it.writer.grow(1)).toThrow(FLOW_CONTROL_ERROR);
    expect(it.writer.growStream(pending, MAX_UINT31 - WINDOW + 100)).toBe(true);
    expect(it.writer.growStream(pending, 1)).toBe(false);
  });

  it('lets no new initial window take that of an open stream beyond 2^31-1', () => {
    const it = new Setup();
    const pending = it.write(0);
    it.write(0);
    it.writer.growStream(pending, 1000);
    it.writer.applySettings({ initialWindowSize: MAX_UINT31 - 1000 }, it.streams);
    expect(() => it.writer.applySettings({ initialWindowSize: MAX_UINT31 - 999 }, it.streams)).toThrow(
      FLOW_CONTROL_ERROR,
    );
    it.streams.close(pending.streamId);
    it.writer.applySettings({ initialWindowSize: MAX_UINT31 }, it.streams);
  });

  it('remembers the widest window of all streams, and not the one that grew last', () => {
    const it = new Setup();
    const [wide, narrow] = [it.write(0), it.write(0)];
    it.writer.growStream(wide!, 1000);
    it.writer.growStream(narrow!, 10);
    expect(() => it.writer.applySettings({ initialWindowSize: MAX_UINT31 - 500 }, it.streams)).toThrow(
      FLOW_CONTROL_ERROR,
    );
  });

  it('starts each attempt with a new window', () => {
    const it = new Setup();
    const pending = it.write(100);
    it.streams.close(pending.streamId);
    pending.streamId = it.streams.open(pending);
    it.writer.write(pending);
    expect(pending.windowOffset).toBe(-100);
  });

  it('writes a broadcast with the credentials there are', () => {
    const it = new Setup();
    const channel = { channelId: 'dHN0LXNyY2gtY2hubA==', deviceToken: undefined } as unknown as Notification;
    it.write(10, channel);
    const pending = preparer.prepare({ ...channel, payload: '{}' }, 0);
    pending.authorization = 'bearer x.y.z';
    pending.streamId = it.streams.open(pending);
    it.writer.write(pending);
    expect(it.frames()).toEqual(['1 headers', '1 10 end', '3 headers', '3 2 end']);
    const [bare, authorized] = it.headers;
    expect(bare).toEqual({
      ':method': 'POST',
      ':scheme': 'https',
      ':authority': 'gateway.example',
      ':path': '/4/broadcasts/apps/com.example.app',
      'apns-push-type': 'liveactivity',
      'apns-channel-id': 'dHN0LXNyY2gtY2hubA==',
      'apns-expiration': '0',
      'apns-priority': '10',
      'apns-request-id': expect.any(String),
    });
    expect(authorized).toEqual({
      ...bare,
      authorization: 'bearer x.y.z',
      'apns-request-id': pending.apnsId,
    });
  });

  it('has room for the headers of a broadcast of any length', () => {
    const it = new Setup();
    const topic = 'a'.repeat(30_000);
    for (let i = 0; i < 6; i++) {
      it.write(10, { channelId: 'dHN0LXNyY2gtY2hubA==', deviceToken: undefined, topic } as never);
    }
    expect(it.frames()).toHaveLength(12);
  });

  it('has room for the bodies of many broadcasts in one tick', () => {
    const it = new Setup();
    it.writer.grow(1_000_000);
    for (let i = 0; i < 40; i++) {
      it.write(4000, { channelId: 'dHN0LXNyY2gtY2hubA==', deviceToken: undefined } as never);
    }
    expect(it.frames().filter((frame) => frame.endsWith(' 4000 end'))).toHaveLength(40);
  });

  it('has room for a body of any length', () => {
    const it = new Setup();
    it.writer.grow(1_000_000);
    it.writer.applySettings({ initialWindowSize: 1_000_000 }, it.streams);
    it.write(300_000);
    expect(it.frames()).toEqual(['1 headers', ...Array(18).fill('1 16384'), '1 5088 end']);
  });

  it('has room for all bodies that have waited for a window, in one tick', () => {
    const it = new Setup();
    it.writer.applySettings({ initialWindowSize: 0 }, it.streams);
    for (let i = 0; i < 100; i++) it.write(4000);
    expect(it.frames()).toHaveLength(100);
    it.writer.applySettings({ initialWindowSize: 4000 }, it.streams);
    it.writer.grow(1_000_000);
    it.writer.writeOn();
    expect(it.frames()).toEqual(Array.from({ length: 100 }, (_, i) => `${2 * i + 1} 4000 end`));
  });

  it("keeps to the header table that the peer's SETTINGS allow", () => {
    const it = new Setup();
    it.writer.applySettings({ headerTableSize: 0 }, it.streams);
    it.decoder.setMaxTableBytes(0);
    for (let i = 0; i < 3; i++) it.write(2);
    expect(it.frames()).toHaveLength(6);
    expect(it.headers[2]).toMatchObject({ 'apns-topic': 'com.example.app' });
  });
});
