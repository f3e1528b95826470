import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdentifierSequence, isLater } from '../../../src/protocol/binary/identifier.js';

describe('IdentifierSequence', () => {
  it('numbers from 1, since 0 is what a gateway answers when it does not know', () => {
    const identifiers = new IdentifierSequence();
    expect([identifiers.next(), identifiers.next(), identifiers.next()]).toEqual([1, 2, 3]);
  });

  it('goes on behind the latest identifier that was given', () => {
    const identifiers = new IdentifierSequence();
    expect([undefined, 10, undefined, 5, undefined].map((wanted) => identifiers.next(wanted))).toEqual([
      1, 10, 11, 5, 12,
    ]);
  });

  it('wraps past 2^32-1 to 1', () => {
    const identifiers = new IdentifierSequence(0xffff_fffe);
    expect([identifiers.next(), identifiers.next()]).toEqual([0xffff_ffff, 1]);
  });

  it('goes on behind given identifiers that wrap', () => {
    const identifiers = new IdentifierSequence();
    const wanted = [0x7fff_ffff, 0xffff_fffe, 0xffff_ffff, 1, 2, undefined];
    expect(wanted.map((identifier) => identifiers.next(identifier)).at(-1)).toBe(3);
  });

  it.each([0x8000_0000, 0x9000_0000, 0xffff_fffe])('goes on behind %d where that is given first', (first) => {
    const identifiers = new IdentifierSequence();
    expect([identifiers.next(first), identifiers.next()]).toEqual([first, first + 1]);
  });

  it('takes over a unique identifier that is higher than all before it, and no other', () => {
    const identifiers = new IdentifierSequence();
    const wanted = [10, 10, 9, undefined, 0, 20];
    expect(wanted.map((identifier) => identifiers.nextUnique(identifier))).toEqual([10, 11, 12, 13, 14, 20]);
  });

  it('takes over unique identifiers up to 0xefffffff, so that numbering has room before it wraps', () => {
    const identifiers = new IdentifierSequence();
    expect(identifiers.nextUnique(0xf000_0000)).toBe(1);
    expect(identifiers.nextUnique(0xefff_ffff)).toBe(0xefff_ffff);
    expect(identifiers.nextUnique(0xffff_fff0)).toBe(0xf000_0000);
  });

  it('does not come back to those in flight in a few leaps', () => {
    const identifiers = new IdentifierSequence();
    const wanted = [undefined, 0x7fff_ffff, 0xffff_fffe, undefined, undefined];
    const given = wanted.map((identifier) => identifiers.nextUnique(identifier));
    expect(new Set(given).size).toBe(given.length);
  });

  it('never hands out the same identifier twice when asked for unique ones', () => {
    const last = fc.oneof(fc.nat(1000), fc.integer({ min: 0xffff_ff00, max: 0xffff_ffff }));
    const high = fc.integer({ min: 0, max: 0xffff_ffff });
    const wanted = fc.array(fc.option(fc.oneof(fc.nat(1000), high), { nil: undefined }));
    fc.assert(
      fc.property(last, wanted, (latest, list) => {
        const identifiers = new IdentifierSequence(latest);
        const given = list.map((identifier) => identifiers.nextUnique(identifier));
        expect(new Set(given).size).toBe(given.length);
        expect(given).not.toContain(0);
      }),
    );
  });
});

it.each([
  [2, 1, true],
  [1, 2, false],
  [1, 1, false],
  [1, 0xffff_ffff, true],
  [0xffff_ffff, 1, false],
  [0x8000_0000, 0x7fff_ffff, true],
  [0x7fff_ffff, 0x8000_0000, false],
])('compares %d and %d as serial numbers (RFC 1982)', (a, b, later) => {
  expect(isLater(a, b)).toBe(later);
});
