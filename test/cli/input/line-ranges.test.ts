import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineRanges, rangesOf } from '../../../src/cli/input/line-ranges.js';

const line = fc.integer({ min: 1, max: 60 });

describe('LineRanges', () => {
  it('reaches through no line while it is empty, or begins behind the first', () => {
    const ranges = new LineRanges();
    expect([ranges.through, ranges.beyond]).toEqual([0, []]);
    ranges.add(2, 4);
    expect([ranges.through, ranges.beyond]).toEqual([0, [[2, 4]]]);
    ranges.add(1, 1);
    expect([ranges.through, ranges.beyond]).toEqual([4, []]);
  });

  it('holds exactly the lines that were added, in ranges that neither overlap nor touch', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(line, fc.integer({ min: -2, max: 9 }))), (added) => {
        const ranges = new LineRanges();
        const lines = new Set<number>();
        for (const [first, more] of added) {
          ranges.add(first, first + more);
          for (let each = first; each <= first + more; each++) lines.add(each);
        }
        for (let each = 0; each <= 75; each++) expect(ranges.has(each)).toBe(lines.has(each));
        expect([...ranges]).toEqual(rangesOf([...lines]));
      }),
    );
  });

  it('counts its lines, and leaves out those of another set', () => {
    const some = fc.array(fc.tuple(line, fc.integer({ min: 0, max: 9 })));
    fc.assert(
      fc.property(some, some, (mine, others) => {
        const [one, other] = [mine, others].map((pairs) => {
          const ranges = new LineRanges();
          for (const [first, more] of pairs) ranges.add(first, first + more);
          return ranges;
        }) as [LineRanges, LineRanges];
        const left = Array.from({ length: 75 }, (_, i) => i).filter((n) => one.has(n) && !other.has(n));
        const all = Array.from({ length: 75 }, (_, i) => i).filter((n) => one.has(n));
        expect([...one.without(other)]).toEqual(rangesOf(left));
        expect(one.without(other).count).toBe(left.length);
        expect(one.count).toBe(all.length);
      }),
    );
  });

  it('tells the range that begins with line 1 from those beyond it', () => {
    const ranges = new LineRanges();
    ranges.add(2, 3);
    expect([ranges.through, ranges.beyond]).toEqual([0, [[2, 3]]]);
    ranges.add(1, 1);
    ranges.add(7, 9);
    expect([ranges.through, ranges.beyond]).toEqual([3, [[7, 9]]]);
  });
});

describe('rangesOf', () => {
  it('joins neighbours, whatever their order', () => {
    expect(rangesOf([])).toEqual([]);
    expect(rangesOf([10, 3, 1, 2, 9, 100])).toEqual([
      [1, 3],
      [9, 10],
      [100, 100],
    ]);
  });
});
