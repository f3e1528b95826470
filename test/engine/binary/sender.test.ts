/** The framer of a binary delivery, above a sender whose room the test decides. */
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Notification } from '../../../src/core/notification.js';
import type { FrameBatch } from '../../../src/engine/binary/frame-batch.js';
import { FrameSender } from '../../../src/engine/binary/frame-sender.js';
import { resolveBinaryOptions } from '../../../src/engine/binary/options.js';
import { BinarySender } from '../../../src/engine/binary/sender.js';
import { decodeFrame, encodeFrame, FRAME_FORMAT } from '../../../src/protocol/binary/frame.js';
import { TOKEN } from '../../support/frames.js';

afterEach(() => {
  vi.restoreAllMocks();
});

const SLAB_BYTES = 64 * 1024;

class Setup {
  roomFrames = 1000;
  roomBytes = 1_000_000;
  rooms = 0;
  readonly batches: FrameBatch[] = [];
  readonly ends: unknown[] = [];
  readonly destroyed: string[] = [];
  /** What happens when the sender takes frames. */
  onTake = (): void => {};
  readonly framer: BinarySender;

  constructor() {
    const { prototype } = FrameSender;
    vi.spyOn(prototype, 'roomFrames', 'get').mockImplementation(() => this.roomFrames);
    vi.spyOn(prototype, 'roomBytes', 'get').mockImplementation(() => this.roomBytes);
    vi.spyOn(prototype, 'end').mockImplementation((callback) => void this.ends.push(callback));
    vi.spyOn(prototype, 'take').mockImplementation((batch) => {
      this.batches.push(batch);
      this.onTake();
    });
    const destroy = prototype.destroy;
    vi.spyOn(prototype, 'destroy').mockImplementation(function (this: FrameSender, reason) {
      destroyed.push(reason);
      destroy.call(this, reason);
    });
    const { destroyed } = this;
    const options = resolveBinaryOptions({ host: '127.0.0.1', port: 1 });
    this.framer = new BinarySender(
      options,
      { command: 2, maxPayloadBytes: 2048 },
      { onRoom: () => this.rooms++, onFail: () => {}, onErrorResponse: () => {} },
    );
    onTestFinished(() => this.framer.destroy('Aborted'));
  }

  /** Whether the framer takes each of so many notifications. */
  send(count: number, fields: Partial<Notification> = {}): boolean[] {
    return Array.from({ length: count }, () =>
      this.framer.send({ deviceToken: TOKEN, payload: '{}', ...fields }),
    );
  }

  /** Has the sender say that it has room. */
  async offerRoom(): Promise<void> {
    this.framer.onRead();
    await nextTick();
  }

  get sizes(): number[] {
    return this.batches.map(({ count }) => count);
  }
}

/** Everything that was scheduled for the end of the turn has run. */
function nextTick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function identifiersOf({ bytes, start, end }: FrameBatch): (number | undefined)[] {
  const identifiers = [];
  for (let at = start, next = at; at < end; at = next) {
    next = at + FRAME_FORMAT.measure(bytes, at, end);
    identifiers.push(decodeFrame(bytes, at, next).identifier);
  }
  return identifiers;
}

describe('frames', () => {
  it('are handed over at the end of the turn as one run, with what is kept of their notifications', async () => {
    const setup = new Setup();
    const given = [1, 2, 3].map((i) => ({ deviceToken: TOKEN, payload: '{}', context: 'x'.repeat(i) }));
    for (const notification of given) setup.framer.send(notification);
    expect([setup.batches, setup.rooms]).toEqual([[], 0]);
    await nextTick();
    expect([setup.sizes, setup.rooms]).toEqual([[3], 1]);
    const [batch] = setup.batches;
    expect(batch).toMatchObject({ extraBytes: 6, since: 0, attempts: 0, writtenAt: 0 });
    expect(batch!.notifications).toMatchObject(given.map(({ context }) => ({ deviceToken: TOKEN, context })));
    expect(batch!.notifications!.map((kept) => (kept as unknown as { given: unknown }).given)).toEqual(given);
    expect(identifiersOf(batch!)).toEqual([1, 2, 3]);
  });

  it('of the next turn are another run', async () => {
    const setup = new Setup();
    setup.send(2, { context: 'xx' });
    await nextTick();
    setup.send(1);
    await nextTick();
    expect(setup.batches.map(({ count, extraBytes }) => [count, extraBytes])).toEqual([
      [2, 4],
      [1, 0],
    ]);
    expect(setup.batches.flatMap(identifiersOf)).toEqual([1, 2, 3]);
  });

  it('have identifiers that rise, those that were asked for where they do', async () => {
    const setup = new Setup();
    for (const identifier of [7, 7, 3, 20]) setup.send(1, { identifier });
    await nextTick();
    expect(setup.batches.flatMap(identifiersOf)).toEqual([7, 8, 9, 20]);
  });

  it('that fill a slab are handed over at once, and the rest at the end of the turn', async () => {
    const setup = new Setup();
    expect(setup.send(150, { payload: `"${'x'.repeat(600)}"` })).not.toContain(false);
    const [first] = setup.sizes;
    expect(setup.sizes).toEqual([first]);
    expect(setup.batches[0]!.end).toBeGreaterThan(SLAB_BYTES - 3 * 700);
    await nextTick();
    expect([setup.sizes, setup.rooms]).toEqual([[first, 150 - first!], 1]);
    expect(setup.batches.map(({ notifications }) => notifications!.length)).toEqual(setup.sizes);
  });

  it('whose notifications hold as much as a slab are handed over at once, too', async () => {
    const setup = new Setup();
    setup.send(1, { context: 'x'.repeat(SLAB_BYTES - 1) });
    expect(setup.sizes).toEqual([]);
    setup.send(1, { context: 'x' });
    expect(setup.batches.map(({ count, extraBytes }) => [count, extraBytes])).toEqual([[2, SLAB_BYTES]]);
    await nextTick();
    expect(setup.sizes).toEqual([2]);
  });

  it('of an invalid notification are none', async () => {
    const setup = new Setup();
    for (const fields of [
      { deviceToken: 'xyz' },
      { priority: 1 },
      { payload: `"${'x'.repeat(2047)}"` },
    ] as const)
      expect(() => setup.send(1, fields)).toThrow(
        expect.objectContaining({ code: 'APNS_ERR_INVALID_NOTIFICATION' }),
      );
    await nextTick();
    expect(setup.batches).toEqual([]);
  });
});

describe('room', () => {
  it('is there for as many frames as the sender has room for', async () => {
    const setup = new Setup();
    setup.roomFrames = 0;
    expect(setup.send(1)).toEqual([false]);
    setup.roomFrames = 2;
    expect(setup.send(3)).toEqual([true, true, false]);
  });

  it('is there while frames and what their notifications hold are less than the sender has room for', () => {
    const setup = new Setup();
    const bytes = encodeFrame({ deviceToken: TOKEN, payload: '{}', identifier: 1 }, 2).length + 10;
    const fields = { context: 'x'.repeat(10) };
    setup.roomBytes = 2 * bytes;
    expect(setup.send(3, fields)).toEqual([true, true, false]);
    setup.roomBytes++;
    expect(setup.send(2, fields)).toEqual([true, false]);
  });

  it('is offered when the sender has some', async () => {
    const setup = new Setup();
    await setup.offerRoom();
    expect(setup.rooms).toBe(1);
    setup.roomBytes = 0;
    await setup.offerRoom();
    expect(setup.rooms).toBe(1);
  });

  it('is not offered at the end of a turn in which the sender has become full', async () => {
    const setup = new Setup();
    setup.onTake = () => {
      setup.roomFrames = 0;
    };
    setup.send(2);
    await nextTick();
    expect([setup.sizes, setup.rooms]).toEqual([[2], 0]);
  });
});

describe('the end', () => {
  it('hands everything over at once, and then ends the sender', () => {
    const setup = new Setup();
    const callback = (): void => {};
    setup.onTake = () => expect(setup.ends).toEqual([]);
    setup.send(2);
    setup.framer.end(callback);
    expect([setup.sizes, setup.ends]).toEqual([[2], [callback]]);
  });

  it('by destroy() ends the sender first, which then settles what is handed over', () => {
    const setup = new Setup();
    setup.onTake = () => expect(setup.destroyed).toEqual(['Stopped']);
    setup.send(2);
    setup.framer.destroy('Stopped');
    expect([setup.sizes, setup.destroyed]).toEqual([[2], ['Stopped']]);
  });
});

it('counts and keeps what was never framed, as the sender does with frames', () => {
  const { framer } = new Setup();
  framer.outcomes.startReading(() => {});
  framer.settle({ deviceToken: TOKEN, payload: '{}' }, { status: 'invalid', field: 'payload' });
  expect(framer.counts).toMatchObject({ invalid: 1, accepted: 0 });
  expect(framer.counts).toBe(framer.outcomes.counts);
  expect(framer.outcomes.shift()).toMatchObject({ status: 'invalid', field: 'payload' });
});
