import { EventEmitter } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { afterEach, expect, test, vi } from 'vitest';
import { Http2Output } from '../../../src/engine/http2/output.js';
import { encodeFrame, type Http2Frame } from '../../../src/protocol/http2/frame.js';
import { CLIENT_PREFACE } from '../../../src/protocol/http2/frame-header.js';

const SLAB_BYTES = 65_536;
const PING: Http2Frame = { type: 'PING', ack: true, data: Buffer.alloc(8, 7) };

afterEach(() => vi.restoreAllMocks());

/** What a socket is to an output: it says after each write whether it wants more. */
class FakeSocket extends EventEmitter {
  writable = true;
  writableLength = 0;
  isFull = false;
  readonly chunks: Buffer[] = [];

  write(chunk: Buffer): boolean {
    this.chunks.push(Buffer.from(chunk));
    return !this.isFull;
  }
}

function createOutput() {
  const socket = new FakeSocket();
  return { socket, output: new Http2Output(socket as unknown as TLSSocket) };
}

const tickEnd = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

test('hands over what was collected at the end of each tick, beginning with the preface', async () => {
  const { socket, output } = createOutput();
  output.writeControl(PING);
  expect(socket.chunks).toEqual([]);
  await tickEnd();
  expect(socket.chunks).toEqual([Buffer.concat([Buffer.from(CLIENT_PREFACE, 'latin1'), encodeFrame(PING)])]);
  output.writeControl(PING);
  output.writeControl(PING);
  await tickEnd();
  expect(socket.chunks.slice(1)).toEqual([Buffer.concat([encodeFrame(PING), encodeFrame(PING)])]);
  await tickEnd();
  expect(socket.chunks).toHaveLength(2);
});

test('begins with the preface even if nothing follows it', async () => {
  const { socket } = createOutput();
  await tickEnd();
  expect(socket.chunks.map(String)).toEqual([CLIENT_PREFACE]);
});

test('asks for the end of the tick once per tick', async () => {
  const nextTick = vi.spyOn(process, 'nextTick');
  const { output } = createOutput();
  for (let i = 0; i < 9; i++) output.writeControl(PING);
  expect(nextTick).toHaveBeenCalledTimes(1);
  await tickEnd();
  nextTick.mockClear();
  output.reserve(1);
  output.reserve(1);
  expect(nextTick).toHaveBeenCalledTimes(1);
});

test('hands over what is there when the slab has no room, and not before', () => {
  const { socket, output } = createOutput();
  const { slab } = output;
  output.reserve(SLAB_BYTES - CLIENT_PREFACE.length);
  expect([output.slab === slab, socket.chunks.length]).toEqual([true, 0]);
  slab.fill(1, output.end);
  output.end = SLAB_BYTES;
  output.reserve(1);
  expect(output.slab === slab).toBe(false);
  expect([output.slab.length, output.end]).toEqual([SLAB_BYTES, 0]);
  expect(socket.chunks.map(({ length }) => length)).toEqual([SLAB_BYTES]);
  output.slab[output.end++] = 9;
  output.flush();
  expect(socket.chunks[1]).toEqual(Buffer.from([9]));
});

test('makes a slab of its own for what is longer than one', () => {
  const { output } = createOutput();
  output.reserve(SLAB_BYTES + 1);
  expect([output.slab.length, output.end]).toEqual([SLAB_BYTES + 1, 0]);
});

test('writes nothing where there is nothing', () => {
  const { socket, output } = createOutput();
  output.flush();
  output.flush();
  expect(socket.chunks).toHaveLength(1);
});

test('is blocked from when the socket asks for a pause until it drains', () => {
  const { socket, output } = createOutput();
  socket.isFull = true;
  expect(output.isBlocked).toBe(false);
  output.flush();
  expect(output.isBlocked).toBe(true);
  socket.emit('drain');
  expect(output.isBlocked).toBe(false);
  socket.isFull = false;
  output.writeControl(PING);
  output.flush();
  expect(output.isBlocked).toBe(false);
});

test('is blocked where the socket takes nothing any more, and writes nothing to it', () => {
  const { socket, output } = createOutput();
  socket.writable = false;
  expect(output.isBlocked).toBe(true);
  output.flush();
  socket.writable = true;
  output.flush();
  expect([output.isBlocked, socket.chunks]).toEqual([false, []]);
});

test('is overrun when more than 1 MiB waits to be read', () => {
  const { socket, output } = createOutput();
  socket.writableLength = 1024 * 1024;
  expect(output.isOverrun).toBe(false);
  socket.writableLength++;
  expect(output.isOverrun).toBe(true);
});
