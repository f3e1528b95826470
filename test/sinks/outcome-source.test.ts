import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import type { Outcome } from '../../src/core/outcome.js';
import type { OutcomeReader } from '../../src/engine/notification-sender.js';
import { OutcomePump, OutcomeSource } from '../../src/sinks/outcome-source.js';

/** Outcomes that the test settles; each is named by its identifier. */
class FakeReader implements OutcomeReader {
  readonly waiting: Outcome[] = [];
  isReading = false;
  shifts = 0;
  #onSettled = (): void => {};

  get unread(): number {
    return this.waiting.length;
  }

  startReading(onSettled: () => void): void {
    this.isReading = true;
    this.#onSettled = onSettled;
  }

  stopReading(): void {
    this.isReading = false;
  }

  shift(): Outcome | undefined {
    this.shifts++;
    return this.waiting.shift();
  }

  settle(...identifiers: number[]): void {
    for (const identifier of identifiers) {
      this.waiting.push({ status: 'accepted', identifier });
      this.#onSettled();
    }
  }
}

const tickEnd = (): Promise<void> => new Promise(setImmediate);

function createSource() {
  const reader = new FakeReader();
  let reads = 0;
  const source = new OutcomeSource(reader, () => reads++);
  return { reader, source, reads: () => reads };
}

test('reads from the beginning, and stops when it is destroyed', async () => {
  const { reader, source, reads } = createSource();
  expect(reader.isReading).toBe(true);
  source.destroy();
  await tickEnd();
  expect([reader.isReading, reads()]).toEqual([false, 1]);
  reader.settle(1);
  await tickEnd();
  expect(reader.shifts).toBe(0);
});

test('hands over what was settled at the end of the tick, and says once that it was read', async () => {
  const { reader, source, reads } = createSource();
  const seen: (number | undefined)[] = [];
  source.on('data', ({ identifier }: Outcome) => seen.push(identifier));
  await tickEnd();
  expect(reads()).toBe(0);
  reader.settle(1, 2, 3);
  expect(seen).toEqual([]);
  await tickEnd();
  expect([seen, reads()]).toEqual([[1, 2, 3], 1]);
  reader.settle(4);
  await tickEnd();
  expect([seen, reads()]).toEqual([[1, 2, 3, 4], 2]);
});

test('shows no outcome that waits in it', async () => {
  const { reader, source } = createSource();
  reader.settle(123_456_789);
  source.read(0);
  await tickEnd();
  expect(source.readableLength).toBe(1);
  expect(inspect(source, { depth: 9 })).not.toContain('123456789');
});

test('takes no more outcomes than its reader wants', async () => {
  const { reader, source, reads } = createSource();
  reader.settle(...Array.from({ length: 100 }, (_, i) => i));
  await tickEnd();
  expect([reader.shifts, reads()]).toEqual([0, 0]);
  source.read(0);
  await tickEnd();
  expect([reader.unread, source.readableLength]).toEqual([84, 16]);
  reader.settle(100);
  await tickEnd();
  expect(source.readableLength).toBe(16);
  source.finish();
  expect(await source.toArray()).toHaveLength(101);
});

test('ends behind the last outcome, once', async () => {
  const { reader, source } = createSource();
  reader.settle(1);
  source.finish();
  source.finish();
  expect((await source.toArray()).map(({ identifier }) => identifier)).toEqual([1]);
  const { source: bare, reads } = createSource();
  bare.resume();
  await tickEnd();
  expect(bare.readableEnded).toBe(false);
  bare.finish();
  await tickEnd();
  expect([bare.readableEnded, reads()]).toEqual([true, 1]);
});

test('stops in the middle when the one who reads destroys the stream', () => {
  const reader = new FakeReader();
  const pushed: unknown[] = [];
  const stream = new Readable({ objectMode: true, read() {} });
  const pump = new OutcomePump(reader, stream, () => {});
  stream.push = (outcome: unknown) => {
    pushed.push(outcome);
    stream.destroy();
    return true;
  };
  reader.settle(1, 2);
  pump.read();
  expect([pushed.length, reader.unread]).toEqual([1, 1]);
});

test('throws what a data listener throws in the next tick, and goes on reading', async () => {
  const { reader, source } = createSource();
  const thrown: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error));
  try {
    const seen: (number | undefined)[] = [];
    source.on('data', ({ identifier }: Outcome) => {
      seen.push(identifier);
      if (identifier === 1) throw new Error('mine');
    });
    reader.settle(1, 2);
    await tickEnd();
    await tickEnd();
    expect([seen, thrown.map(String)]).toEqual([[1, 2], ['Error: mine']]);
    expect(source.emit('data', { status: 'accepted', identifier: 1 })).toBe(true);
    await tickEnd();
    expect(thrown).toHaveLength(2);
    source.on('other', () => {
      throw new Error('other');
    });
    expect(() => source.emit('other')).toThrow('other');
    expect(source.emit('nobody')).toBe(false);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
});
