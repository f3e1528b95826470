import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PendingNotification } from '../../../src/engine/http2/pending-notification.js';
import { StreamTable } from '../../../src/engine/http2/stream-table.js';

function createPending(order: number): PendingNotification {
  return { order } as PendingNotification;
}

function ordersOf(pending: readonly PendingNotification[]): number[] {
  return pending.map(({ order }) => order);
}

describe('StreamTable', () => {
  it('numbers streams 1, 3, 5, … and finds what was opened under each', () => {
    const table = new StreamTable();
    const pending = [0, 1, 2].map(createPending);
    expect(pending.map((one) => table.open(one))).toEqual([1, 3, 5]);
    expect([1, 3, 5].map((id) => table.get(id))).toEqual(pending);
    expect([0, 2, 4, 7, 2 ** 31 - 1].map((id) => table.get(id))).toEqual(Array(5).fill(undefined));
    expect(table.nextId).toBe(7);
  });

  it('closes a stream once', () => {
    const table = new StreamTable();
    const id = table.open(createPending(0));
    table.open(createPending(1));
    table.close(id);
    table.close(id);
    table.close(99);
    expect(ordersOf(table.all())).toEqual([1]);
  });

  it('finds nothing under the next id, whose slot the oldest stream has', () => {
    const table = new StreamTable();
    for (let order = 0; order < 64; order++) table.open(createPending(order));
    expect(table.nextId).toBe(129);
    expect([127, 129, 131].map((id) => table.get(id)?.order)).toEqual([63, undefined, undefined]);
    expect(ordersOf(table.all())).toEqual(Array.from({ length: 64 }, (_, order) => order));
  });

  it('keeps a stream that outlives 100,000 others, and stays small', () => {
    const table = new StreamTable();
    const straggler = table.open(createPending(-1));
    for (let order = 0; order < 100_000; order++) table.close(table.open(createPending(order)));
    expect(table.size).toBe(1);
    expect(table.get(straggler)?.order).toBe(-1);
    table.close(straggler);
    expect([table.size, table.all()]).toEqual([0, []]);
  });

  it('is a map by id, in order, whatever is opened and closed', () => {
    const step = fc.record({
      opens: fc.nat(9000),
      closes: fc.array(fc.nat(), { maxLength: 60 }),
      keeps: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
        const table = new StreamTable();
        const model = new Map<number, PendingNotification>();
        let order = 0;
        for (const { opens, closes, keeps } of steps) {
          for (let i = 0; i < opens; i++) {
            const pending = createPending(order++);
            const id = table.open(pending);
            if (i % 1000 <= keeps) model.set(id, pending);
            else table.close(id);
          }
          const ids = [...model.keys()];
          for (const choice of closes) {
            const id = ids[choice % Math.max(1, ids.length)] ?? 1;
            table.close(id);
            model.delete(id);
          }
          expect(table.size).toBe(model.size);
          expect(ordersOf(table.all())).toEqual(ordersOf([...model.values()]));
          for (const id of ids) expect(table.get(id)).toBe(model.get(id));
        }
      }),
      { numRuns: 40 },
    );
  });
});
