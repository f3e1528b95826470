import { expect, it } from 'vitest';
import { DynamicTable } from '../../../src/protocol/hpack/dynamic-table.js';
import { headerField } from '../../../src/protocol/hpack/header-field.js';

/** A field of `size` bytes, which is at least 33. */
const field = (name: string, size: number) => headerField(name, 'x'.repeat(size - 32 - name.length));

function namesOf(table: DynamicTable): string[] {
  return Array.from({ length: table.length }, (_, age) => table.at(age)!.name);
}

it('a field that just fits stays, one byte more drops the oldest', () => {
  const table = new DynamicTable(100);
  table.add(field('a', 50));
  table.add(field('b', 50));
  expect([namesOf(table), table.bytes]).toEqual([['b', 'a'], 100]);
  table.add(field('c', 51));
  expect([namesOf(table), table.bytes]).toEqual([['c'], 51]);
});

it('a field of exactly the size of the table drops all others and stays', () => {
  const table = new DynamicTable(100);
  table.add(field('a', 50));
  table.add(field('b', 100));
  expect([namesOf(table), table.bytes]).toEqual([['b'], 100]);
});

it('it has nothing behind its oldest field, however full it is', () => {
  const table = new DynamicTable(4096);
  for (let length = 1; length <= 64; length++) {
    table.add(headerField(`${length}`, ''));
    expect(table.at(length)).toBeUndefined();
    expect(table.at(length - 1)?.name).toBe('1');
  }
});

it('a field larger than the table empties it and does not stay: RFC 7541, 4.4', () => {
  const dropped: string[] = [];
  const table = new DynamicTable(100, ({ name }) => dropped.push(name));
  table.add(field('a', 40));
  table.add(field('b', 40));
  table.add(field('c', 101));
  expect([namesOf(table), table.bytes, dropped]).toEqual([[], 0, ['a', 'b']]);
  expect(table.at(0)).toBeUndefined();
});

it('a smaller table drops the oldest first, a larger one drops nothing', () => {
  const table = new DynamicTable(200);
  for (const name of ['a', 'b', 'c', 'd']) table.add(field(name, 50));
  table.resize(120);
  expect(namesOf(table)).toEqual(['d', 'c']);
  table.resize(4096);
  expect(namesOf(table)).toEqual(['d', 'c']);
  table.resize(0);
  expect(namesOf(table)).toEqual([]);
});

it('it holds more fields than it first has room for, across its own end', () => {
  const table = new DynamicTable(4096);
  const names = Array.from({ length: 300 }, (_, i) => `n${i}`);
  for (const name of names) table.add(headerField(name, ''));
  expect(namesOf(table)).toEqual(names.reverse().slice(0, table.length));
  expect(table.length).toBe(Math.floor(4096 / 36));
});
