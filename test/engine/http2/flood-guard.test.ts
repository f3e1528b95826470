import { expect, test } from 'vitest';
import { FloodGuard } from '../../../src/engine/http2/flood-guard.js';

const MIB = 1024 * 1024;
const ENHANCE_YOUR_CALM = 11;

test('takes 1 MiB without progress, and not a byte more', () => {
  const guard = new FloodGuard();
  guard.note(MIB - 1, 0, 0);
  guard.note(1, 0, 0);
  expect(() => guard.note(1, 0, 0)).toThrow(
    expect.objectContaining({ code: 'APNS_ERR_HTTP2_PROTOCOL', http2ErrorCode: ENHANCE_YOUR_CALM }),
  );
});

test('starts to count again whenever something is brought forward', () => {
  const guard = new FloodGuard();
  for (const progress of [1, 2, 1, 7]) for (let i = 0; i < 2; i++) guard.note(MIB / 2, progress, 0);
  expect(() => guard.note(1, 7, 0)).toThrow();
});

test('starts to count again when 10 s have passed since it began', () => {
  const guard = new FloodGuard();
  guard.note(MIB, 0, 5000);
  expect(() => guard.note(1, 0, 10_000)).toThrow();
  const slow = new FloodGuard();
  slow.note(MIB, 1, 5000);
  slow.note(MIB, 1, 15_001);
  expect(() => slow.note(1, 1, 25_001)).toThrow();
  slow.note(MIB, 1, 25_002);
});
