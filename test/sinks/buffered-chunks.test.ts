/** The chunks that wait in a Writable's buffer: Node has an undocumented getter for them. */
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { bufferedChunks } from '../../src/sinks/buffered-chunks.js';

test('returns the chunks that wait behind the one that is being written', () => {
  const stream = new Writable({ objectMode: true, write: () => {} });
  expect(bufferedChunks(stream)).toEqual([]);
  for (const chunk of [1, 2, 3]) stream.write(chunk);
  expect(bufferedChunks(stream)).toEqual([2, 3]);
});

test('leaves out what the stream has passed on already while it empties its buffer', () => {
  const seen: unknown[] = [];
  let finishFirst: (() => void) | undefined;
  const stream = new Writable({
    objectMode: true,
    write(chunk, _encoding, callback) {
      seen.push([chunk, bufferedChunks(stream)]);
      if (finishFirst === undefined) finishFirst = callback;
      else callback();
    },
  });
  for (const chunk of [1, 2, 3, 4]) stream.write(chunk);
  finishFirst!();
  expect(seen).toEqual([
    [1, []],
    [2, [3, 4]],
    [3, [4]],
    [4, []],
  ]);
});

test('returns nothing where a stream has no such getter', () => {
  expect(bufferedChunks({} as Writable)).toEqual([]);
});
