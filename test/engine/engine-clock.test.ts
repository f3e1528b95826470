import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setImmediate as nextPoll } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EngineClock } from '../../src/engine/engine-clock.js';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A monotonic clock that the test moves; timers stay real. */
function movableClock(): { at: number } {
  const clock = { at: 1000 };
  vi.spyOn(performance, 'now').mockImplementation(() => clock.at);
  return clock;
}

/** Timers and immediates that fire when the test says so. */
function manualTimers() {
  const timers = new Map<unknown, { readonly callback: () => void; readonly ms: number }>();
  const immediates = new Map<unknown, () => void>();
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((callback: () => void, ms: number) => {
    const handle = {};
    timers.set(handle, { callback, ms });
    return handle;
  }) as never);
  vi.spyOn(globalThis, 'clearTimeout').mockImplementation((handle) => void timers.delete(handle));
  vi.spyOn(globalThis, 'setImmediate').mockImplementation(((callback: () => void) => {
    const handle = {};
    immediates.set(handle, callback);
    return handle;
  }) as never);
  vi.spyOn(globalThis, 'clearImmediate').mockImplementation((handle) => void immediates.delete(handle));
  return {
    delays: () => [...timers.values()].map(({ ms }) => ms),
    /** Fires the only timer, or the only immediate; a tick ends behind it. */
    async fire(kind: 'timer' | 'immediate'): Promise<void> {
      const all = kind === 'timer' ? timers : immediates;
      expect(all.size).toBe(1);
      const [[handle, it]] = [...all] as [[unknown, (() => void) | { callback: () => void }]];
      all.delete(handle);
      if (typeof it === 'function') it();
      else it.callback();
      await new Promise<void>((resolve) => process.nextTick(resolve));
    },
    get waiting() {
      return { timers: timers.size, immediates: immediates.size };
    },
  };
}

describe('engine time', () => {
  it('is read once per tick at its very beginning, too', () => {
    const time = movableClock();
    time.at = 0;
    const clock = new EngineClock(() => {});
    expect(clock.now()).toBe(0);
    time.at = 5;
    expect(clock.now()).toBe(0);
  });

  it('is read once per tick, in whole milliseconds', async () => {
    const time = movableClock();
    const clock = new EngineClock(() => {});
    time.at = 12.25;
    expect(clock.now()).toBe(13);
    time.at = 99;
    expect(clock.now()).toBe(13);
    await nextPoll();
    expect(clock.now()).toBe(99);
  });

  it('stands still while the process does', async () => {
    const time = movableClock();
    const frozen: number[] = [];
    const clock = new EngineClock((ms) => frozen.push(ms));
    clock.wakeAt(1001);
    await nextPoll();
    time.at = 71_001;
    expect(clock.now()).toBe(1001);
    expect(clock.isCatchingUp).toBe(true);
    await vi.waitFor(() => expect(frozen).toEqual([70_000]));
    expect(clock.isCatchingUp).toBe(false);
    time.at = 71_011;
    await nextPoll();
    expect(clock.now()).toBe(1011);
  });

  it('goes on through an alarm that is a little late', async () => {
    const time = movableClock();
    const frozen: number[] = [];
    const clock = new EngineClock((ms) => frozen.push(ms));
    clock.wakeAt(1001);
    await nextPoll();
    time.at = 1501;
    expect(clock.now()).toBe(1501);
    expect(clock.isCatchingUp).toBe(false);
    await vi.waitFor(() => expect(frozen).toEqual([0]));
  });

  it('goes on while no alarm is set, however long nobody looks', async () => {
    const time = movableClock();
    const clock = new EngineClock(() => {});
    expect(clock.now()).toBe(1000);
    await nextPoll();
    time.at = 1_000_000;
    expect(clock.now()).toBe(1_000_000);
  });
});

describe('the alarm, timer by timer', () => {
  it('says how late its timer was, even if nobody else looks at the clock', async () => {
    const time = movableClock();
    const timers = manualTimers();
    const frozen: number[] = [];
    const clock = new EngineClock((ms) => frozen.push(ms));
    clock.wakeAt(1001);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(timers.delays()).toEqual([1]);
    time.at = 71_001;
    await timers.fire('timer');
    time.at = 71_002;
    await timers.fire('immediate');
    expect(frozen).toEqual([70_000]);
    expect(clock.now()).toBe(1002);
  });

  it('waits for one poll phase, and for another while bytes are read in it', async () => {
    movableClock();
    const timers = manualTimers();
    const onAlarm = vi.fn();
    const clock = new EngineClock(onAlarm);
    clock.wakeAt(1000);
    // What was read before the timer says nothing about what is left.
    clock.noteRead();
    await timers.fire('timer');
    expect(onAlarm).not.toHaveBeenCalled();
    await timers.fire('immediate');
    expect(onAlarm).toHaveBeenCalledTimes(1);
    clock.wakeAt(1000);
    await timers.fire('timer');
    clock.noteRead();
    await timers.fire('immediate');
    expect(onAlarm).toHaveBeenCalledTimes(1);
    await timers.fire('immediate');
    expect(onAlarm).toHaveBeenCalledTimes(2);
    expect(timers.waiting).toEqual({ timers: 0, immediates: 0 });
  });

  it('waits for 32 poll phases at most', async () => {
    movableClock();
    const timers = manualTimers();
    const onAlarm = vi.fn();
    const clock = new EngineClock(onAlarm);
    clock.wakeAt(1000);
    await timers.fire('timer');
    for (let polls = 1; polls <= 32; polls++) {
      expect(onAlarm).not.toHaveBeenCalled();
      clock.noteRead();
      await timers.fire('immediate');
    }
    expect(onAlarm).toHaveBeenCalledTimes(1);
  });

  it('has one timer, whatever it is set to', async () => {
    movableClock();
    const timers = manualTimers();
    const clock = new EngineClock(() => {});
    clock.wakeAt(1100);
    clock.wakeAt(1100);
    clock.wakeAt(1200);
    expect(setTimeout).toHaveBeenCalledTimes(1);
    clock.wakeAt(1050.5);
    expect(timers.delays()).toEqual([51]);
    clock.cancel();
    expect(timers.waiting).toEqual({ timers: 0, immediates: 0 });
    clock.wakeAt(1300);
    expect(timers.delays()).toEqual([300]);
  });

  it('sets no timer while it waits for its poll phase', async () => {
    movableClock();
    const timers = manualTimers();
    const onAlarm = vi.fn(() => clock.wakeAt(1500));
    const clock = new EngineClock(onAlarm);
    clock.wakeAt(1000);
    await timers.fire('timer');
    clock.wakeAt(1000);
    clock.wakeAt(900);
    expect(timers.waiting).toEqual({ timers: 0, immediates: 1 });
    await timers.fire('immediate');
    expect(timers.delays()).toEqual([500]);
  });

  it('sets no timer in the poll phase of one that Node could not make long enough', async () => {
    movableClock();
    const timers = manualTimers();
    const onAlarm = vi.fn();
    const clock = new EngineClock(onAlarm);
    clock.wakeAt(1000 + 2 ** 31);
    expect(timers.delays()).toEqual([2 ** 31 - 1]);
    await timers.fire('timer');
    clock.wakeAt(1100);
    expect(timers.waiting).toEqual({ timers: 0, immediates: 1 });
    await timers.fire('immediate');
    expect(onAlarm).toHaveBeenCalledTimes(1);
  });

  it('sets a timer again after it was cancelled in its poll phase', async () => {
    movableClock();
    const timers = manualTimers();
    const clock = new EngineClock(() => {});
    clock.wakeAt(1000);
    await timers.fire('timer');
    clock.cancel();
    expect(timers.waiting).toEqual({ timers: 0, immediates: 0 });
    clock.wakeAt(1001);
    expect(timers.delays()).toEqual([1]);
  });
});

describe('activity', () => {
  it('after more than a second without any waits until the sockets were read', async () => {
    const time = movableClock();
    const timers = manualTimers();
    const onAlarm = vi.fn();
    const clock = new EngineClock(onAlarm);
    const next = async (at: number): Promise<boolean> => {
      await new Promise<void>((resolve) => process.nextTick(resolve));
      time.at = at;
      clock.noteActivity(true);
      return clock.isCatchingUp;
    };
    // Nothing is known of what happened before the first activity.
    expect(await next(1000)).toBe(true);
    await timers.fire('immediate');
    expect([clock.isCatchingUp, onAlarm.mock.calls]).toEqual([false, [[0]]]);
    expect(await next(2000)).toBe(false);
    expect(await next(3000)).toBe(false);
    expect(await next(4001)).toBe(true);
    expect(await next(4002)).toBe(true);
    expect(timers.waiting).toEqual({ timers: 0, immediates: 1 });
    clock.noteRead();
    await timers.fire('immediate');
    expect([clock.isCatchingUp, onAlarm.mock.calls.length]).toEqual([true, 1]);
    await timers.fire('immediate');
    expect([clock.isCatchingUp, onAlarm.mock.calls.length]).toEqual([false, 2]);
  });

  it('waits for nothing where there are no sockets', async () => {
    const time = movableClock();
    const timers = manualTimers();
    const clock = new EngineClock(() => {});
    clock.noteActivity(false);
    expect([clock.isCatchingUp, timers.waiting]).toEqual([false, { timers: 0, immediates: 0 }]);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    time.at = 2000;
    clock.noteActivity(true);
    expect(clock.isCatchingUp).toBe(false);
  });

  it('waits for the poll phase of an alarm whose timer has fired, and for no other', async () => {
    movableClock();
    const timers = manualTimers();
    const onAlarm = vi.fn();
    const clock = new EngineClock(onAlarm);
    clock.wakeAt(1000);
    await timers.fire('timer');
    clock.noteActivity(true);
    expect([clock.isCatchingUp, timers.waiting]).toEqual([true, { timers: 0, immediates: 1 }]);
    await timers.fire('immediate');
    expect([clock.isCatchingUp, onAlarm.mock.calls.length]).toEqual([false, 1]);
  });

  it('waits no more once the alarm was cancelled', () => {
    movableClock();
    const timers = manualTimers();
    const clock = new EngineClock(() => {});
    clock.noteActivity(true);
    clock.cancel();
    expect([clock.isCatchingUp, timers.waiting]).toEqual([false, { timers: 0, immediates: 0 }]);
  });

  it('does not depend on what was read before', async () => {
    movableClock();
    const timers = manualTimers();
    const onAlarm = vi.fn();
    const clock = new EngineClock(onAlarm);
    clock.noteRead();
    clock.noteActivity(true);
    await timers.fire('immediate');
    expect(onAlarm).toHaveBeenCalledTimes(1);
  });
});

describe('the alarm', () => {
  it('goes off once, at the earliest time it was set to', async () => {
    let alarms = 0;
    const clock = new EngineClock(() => alarms++);
    const start = clock.now();
    clock.wakeAt(start + 60_000);
    clock.wakeAt(start + 1);
    clock.wakeAt(start + 50_000);
    await vi.waitFor(() => expect(alarms).toBe(1));
    await nextPoll();
    expect(alarms).toBe(1);
    clock.cancel();
  });

  it('goes off for what is overdue, and can be set from within', async () => {
    let alarms = 0;
    const clock = new EngineClock(() => {
      if (++alarms < 3) clock.wakeAt(0);
    });
    clock.wakeAt(0);
    await vi.waitFor(() => expect(alarms).toBe(3));
  });

  it('does not go off once it was cancelled, even between its timer and the poll phase', async () => {
    const onAlarm = vi.fn();
    const clock = new EngineClock(onAlarm);
    clock.wakeAt(0);
    const cancelled = new Promise<void>((resolve) => {
      setTimeout(() => {
        clock.cancel();
        resolve();
      }, 1);
    });
    const until = performance.now() + 5;
    while (performance.now() < until);
    await cancelled;
    await nextPoll();
    await nextPoll();
    expect(onAlarm).not.toHaveBeenCalled();
  });

  it('sets no timer that is longer than Node can hold', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const clock = new EngineClock(() => {});
    clock.wakeAt(clock.now() + 2 ** 31 + 0.5);
    clock.cancel();
    expect(warned).not.toHaveBeenCalled();
  });

  it('is handled after the sockets were read, when the event loop was blocked beyond it', async () => {
    const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection');
    const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
    const [peer] = await accepted;
    const order: string[] = [];
    const alarmed = new Promise<void>((resolve) => {
      const clock = new EngineClock(() => {
        order.push('alarm');
        resolve();
      });
      socket.on('data', () => {
        order.push('read');
        clock.noteRead();
      });
      clock.wakeAt(clock.now() + 5);
    });
    // Written before the loop is blocked: the bytes are in the kernel when the timer is overdue.
    peer.write('answer');
    await nextPoll();
    const until = performance.now() + 30;
    while (performance.now() < until);
    await alarmed;
    expect(order).toEqual(['read', 'alarm']);
    socket.destroy();
    server.close();
  });

  it('waits for further poll phases while bytes keep coming, but not for ever', async () => {
    let polls = 0;
    let reading: NodeJS.Immediate | undefined;
    await new Promise<void>((resolve) => {
      const clock = new EngineClock(resolve as () => void);
      const read = (): void => {
        polls++;
        clock.noteRead();
        reading = setImmediate(read);
      };
      read();
      clock.wakeAt(0);
    });
    clearImmediate(reading);
    expect(polls).toBeGreaterThan(30);
  });

  it('does not go off after cancel() where a poll phase was under way when its timer fired', async () => {
    const onAlarm = vi.fn();
    const clock = new EngineClock(onAlarm);
    const time = movableClock();
    clock.noteActivity(true);
    await nextPoll();
    await nextPoll();
    onAlarm.mockClear();
    time.at = 5000;
    clock.wakeAt(0);
    clock.noteActivity(true);
    const fired = new Promise((resolve) => setTimeout(resolve, 1));
    const until = Date.now() + 5;
    while (Date.now() < until);
    await fired;
    clock.cancel();
    for (let i = 0; i < 4; i++) await nextPoll();
    expect(onAlarm).not.toHaveBeenCalled();
  });
});
