import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setImmediate as nextPoll } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EngineClock } from '../../src/sinks/engine-clock.js';

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

describe('engine time', () => {
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
});
