/** The collections in which notifications wait: a queue, a heap and a linked list. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fifo } from '../../src/engine/fifo.js';
import type { PendingNotification } from '../../src/engine/http2/pending-notification.js';
import { MinHeap } from '../../src/engine/min-heap.js';
import { UnsettledList } from '../../src/engine/unsettled-list.js';

/** @param dueAt the key of the heap */
function pending(order: number, dueAt: number = order): PendingNotification {
  return { order, dueAt, heldBytes: order } as PendingNotification;
}

function ordersOf(all: readonly (PendingNotification | undefined)[]): (number | undefined)[] {
  return all.map((one) => one?.order);
}

describe('Fifo', () => {
  it('gives notifications in the order they were added, and knows its length', () => {
    const queue = new Fifo<PendingNotification>();
    expect([queue.isEmpty, queue.length, queue.first, queue.shift()]).toEqual([
      true,
      0,
      undefined,
      undefined,
    ]);
    for (const order of [1, 2, 3]) queue.push(pending(order));
    expect([queue.isEmpty, queue.length, queue.first?.order]).toEqual([false, 3, 1]);
    expect([queue.shift()?.order, queue.length, queue.first?.order]).toEqual([1, 2, 2]);
    queue.push(pending(4));
    expect(ordersOf([queue.shift(), queue.shift(), queue.shift(), queue.shift()])).toEqual([
      2,
      3,
      4,
      undefined,
    ]);
    expect([queue.isEmpty, queue.length]).toEqual([true, 0]);
    queue.push(pending(5));
    expect([queue.isEmpty, queue.shift()?.order]).toEqual([false, 5]);
  });

  it('gives everything that is left at once', () => {
    const queue = new Fifo<PendingNotification>();
    for (const order of [1, 2, 3]) queue.push(pending(order));
    queue.shift();
    expect(ordersOf(queue.takeAll())).toEqual([2, 3]);
    expect([queue.isEmpty, queue.length, queue.first, ...queue.takeAll()]).toEqual([true, 0, undefined]);
    queue.push(pending(9));
    expect(queue.shift()?.order).toBe(9);
  });

  it('keeps its order over 10,000 notifications, of which some always wait', () => {
    const queue = new Fifo<PendingNotification>();
    const given: (number | undefined)[] = [];
    for (let order = 0; order < 10_000; order++) {
      queue.push(pending(order));
      if (order >= 5) given.push(queue.shift()?.order);
      expect(queue.length).toBe(Math.min(order + 1, 5));
    }
    expect(given).toEqual(Array.from({ length: 9995 }, (_, i) => i));
  });
});

describe('MinHeap', () => {
  it('is empty until something is added, and after everything was taken', () => {
    const heap = new MinHeap<PendingNotification>(({ dueAt }) => dueAt);
    expect([heap.isEmpty, heap.first, heap.shift()]).toEqual([true, undefined, undefined]);
    heap.push(pending(1));
    expect([heap.isEmpty, heap.first?.order, heap.shift()?.order]).toEqual([false, 1, 1]);
    expect([heap.isEmpty, heap.shift()]).toEqual([true, undefined]);
    heap.push(pending(2));
    heap.push(pending(3));
    expect(ordersOf(heap.takeAll()).sort()).toEqual([2, 3]);
    expect([heap.isEmpty, heap.first]).toEqual([true, undefined]);
  });

  it('gives the lowest key first, whatever is added and taken', () => {
    const step = fc.oneof(fc.nat(20), fc.constant('take' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const heap = new MinHeap<PendingNotification>(({ dueAt }) => dueAt);
        const keys: number[] = [];
        for (const [order, key] of [...steps, ...Array(80).fill('take' as const)].entries()) {
          if (key === 'take') {
            expect(heap.shift()?.dueAt).toBe(keys.shift());
          } else {
            heap.push(pending(order, key));
            keys.push(key);
            keys.sort((a, b) => a - b);
          }
          expect([heap.first?.dueAt, heap.isEmpty]).toEqual([keys[0], keys.length === 0]);
        }
      }),
    );
  });

  it('asks for the logarithm of its length in keys, not for all of them', () => {
    let asked = 0;
    const heap = new MinHeap<PendingNotification>(({ dueAt }) => {
      asked++;
      return dueAt;
    });
    const count = 4096;
    for (let order = 0; order < count; order++) heap.push(pending(order));
    // Each is added behind its parent, which is earlier.
    expect(asked).toBeLessThan(2 * count);
    asked = 0;
    for (let order = 0; order < count; order++) expect(heap.shift()?.order).toBe(order);
    expect(asked).toBeLessThan(count * 3 * Math.log2(count));
  });

  it('moves nothing where all keys are the same', () => {
    let asked = 0;
    const heap = new MinHeap<PendingNotification>(() => {
      asked++;
      return 7;
    });
    for (let order = 0; order < 1000; order++) heap.push(pending(order));
    expect([asked, heap.first?.order]).toEqual([1999, 0]);
    asked = 0;
    heap.shift();
    // The last one comes to the top and stays there: its own key, and those of its two children.
    expect([asked, heap.first?.order]).toEqual([4, 999]);
  });
});

describe('UnsettledList', () => {
  it('is a list in the order of adding, whatever is removed', () => {
    const step = fc.record({ adds: fc.nat(3), removes: fc.array(fc.nat(), { maxLength: 3 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const list = new UnsettledList<PendingNotification>();
        const model: PendingNotification[] = [];
        for (const { adds, removes } of steps) {
          for (let i = 0; i < adds; i++) {
            const one = pending(1 + model.length);
            list.add(one);
            model.push(one);
          }
          for (const choice of removes) {
            if (model.length === 0) break;
            const [gone] = model.splice(choice % model.length, 1);
            list.remove(gone!);
            expect([gone!.previous, gone!.next]).toEqual([undefined, undefined]);
          }
          const listed: PendingNotification[] = [];
          for (let at = list.first; at !== undefined; at = at.next) listed.push(at);
          expect(listed.map((one) => model.indexOf(one))).toEqual(model.map((_, i) => i));
          expect(listed.map(({ previous }) => previous)).toEqual([undefined, ...listed].slice(0, -1));
          expect(list.length).toBe(model.length);
          expect(list.bytes).toBe(model.reduce((sum, { heldBytes }) => sum + heldBytes, 0));
        }
      }),
    );
  });
});
