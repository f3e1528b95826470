import { Duplex, Writable } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { closeGracefully } from '../../src/sinks/graceful-close.js';

afterEach(() => vi.restoreAllMocks());

/** Timers that fire when the test says so. */
function manualTimers() {
  const timers: { readonly callback: () => void; readonly ms: number }[] = [];
  const cleared: unknown[] = [];
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((callback: () => void, ms: number) => {
    const timer = { callback, ms };
    timers.push(timer);
    return timer;
  }) as never);
  vi.spyOn(globalThis, 'clearTimeout').mockImplementation((timer) => void cleared.push(timer));
  return { timers, cleared };
}

const TIMEOUT = expect.objectContaining({
  code: 'APNS_ERR_TIMEOUT',
  message: expect.stringContaining('50 ms'),
});

test('ends the stream and waits until it has finished', async () => {
  const { timers, cleared } = manualTimers();
  let finish = (): void => {};
  const stream = new Writable({
    final(callback) {
      finish = callback;
    },
  });
  let isDone = false;
  const closing = closeGracefully(stream, 50).then(() => {
    isDone = true;
  });
  await new Promise(setImmediate);
  expect([stream.writableEnded, isDone, timers.map(({ ms }) => ms)]).toEqual([true, false, [50]]);
  finish();
  await closing;
  expect(cleared).toContain(timers[0]);
});

test('does not wait for a readable side that nobody reads', async () => {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, callback) => callback() });
  await closeGracefully(stream, 60_000);
  expect(stream.readableEnded).toBe(false);
  stream.destroy();
});

test('does nothing to a stream that is closed', async () => {
  const stream = new Writable();
  stream.destroy();
  await new Promise((resolve) => stream.once('close', resolve));
  const end = vi.spyOn(stream, 'end');
  await closeGracefully(stream, 50);
  expect(end).not.toHaveBeenCalled();
});

test('fails a stream that is not settled in time', async () => {
  const { timers } = manualTimers();
  const stream = new Writable({ final() {} });
  const closing = closeGracefully(stream, 50);
  timers[0]!.callback();
  await expect(closing).rejects.toThrow(TIMEOUT);
  expect(stream.errored).toEqual(TIMEOUT);
});

test('destroys one that cannot be failed otherwise, after as long again', async () => {
  const { timers, cleared } = manualTimers();
  const stream = new Writable({ final() {} });
  const fail = vi.fn();
  const closing = closeGracefully(stream, 50, fail);
  timers[0]!.callback();
  expect([fail.mock.calls, stream.destroyed]).toEqual([[[TIMEOUT]], false]);
  expect(timers.map(({ ms }) => ms)).toEqual([50, 50]);
  timers[1]!.callback();
  await expect(closing).rejects.toThrow(TIMEOUT);
  expect(cleared).toContain(timers[1]);
});
