import { inspect } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { LastingSource } from '../../src/sources/lasting-source.js';

const FAILURE = new Error('of a listener');

function fail(): void {
  throw FAILURE;
}

test('throws the error of a data listener later, and that of any other listener at once', async () => {
  const source = new LastingSource({ read() {} });
  const thrown = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
  onTestFinished(() => process.setUncaughtExceptionCaptureCallback(null));
  source.on('data', fail).on('other', fail);
  expect(source.emit('data', {})).toBe(true);
  expect(await thrown).toBe(FAILURE);
  expect(() => source.emit('other')).toThrow(FAILURE);
});

test('fails with its first failure once everything has been read, and at once where nothing waits', async () => {
  const source = new LastingSource({ read() {} });
  source.push(1);
  source.push(2);
  source.failAfterReading(FAILURE);
  source.failAfterReading(new Error('a second one'));
  const read: unknown[] = [];
  await expect(async () => {
    for await (const object of source) read.push(object);
  }).rejects.toBe(FAILURE);
  expect(read).toEqual([1, 2]);
  const empty = new LastingSource({ read() {} });
  const failed = new Promise((resolve) => empty.once('error', resolve));
  empty.failAfterReading(FAILURE);
  expect(empty.destroyed).toBe(true);
  expect(await failed).toBe(FAILURE);
});

test('does not show what waits in it', () => {
  const source = new LastingSource({ read() {} });
  source.push({ deviceToken: 'ab'.repeat(32) });
  const shown = inspect(source, { depth: 9, showHidden: true }) + JSON.stringify(source);
  expect(shown).toContain('readableLength');
  expect(shown).not.toContain('abab');
});
