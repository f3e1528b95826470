/** The fuzzer, a short time for each decoder. For longer: npm run fuzz -- --help */
import { describe, expect, it } from 'vitest';
import type { FuzzTarget } from './fuzz-target.js';
import { mutant } from './mutation.js';
import { Random } from './random.js';
import { runTarget } from './run-target.js';
import { FUZZ_TARGETS } from './targets.js';

const SECONDS = 0.25;
/** A small part of what a slow machine manages: fewer means that a decoder was hardly tried. */
const MIN_CASES = 100;

const seed = Date.now() % 1_000_000;

describe(`mutants of golden packets (seed ${seed})`, () => {
  it.each(FUZZ_TARGETS.map((target) => [target.name, target] as const))(
    'leave %s with typed errors, in time, within memory, and with one result',
    (_name, target) => {
      const { cases, valid, violations } = runTarget(target, { seconds: SECONDS, seed });
      expect(violations, JSON.stringify(violations)).toEqual([]);
      expect(cases).toBeGreaterThan(MIN_CASES);
      expect(valid).toBeGreaterThan(target.golden.length);
    },
  );
});

/** A decoder whose fault is known. */
function faulty(more: Partial<FuzzTarget>): FuzzTarget {
  const golden = [Buffer.from('golden')];
  return {
    name: 'faulty',
    about: '',
    golden,
    maxHeldBytes: 4096,
    open: () => ({ read() {}, end() {} }),
    ...more,
  };
}

describe('the fuzzer', () => {
  let slowCalls = 0;
  const isMutant = (chunk: Buffer): boolean => chunk.toString() !== 'golden';
  it.each<[fault: string, what: RegExp, target: Partial<FuzzTarget>]>([
    [
      'an error without a type',
      /^throws RangeError/,
      {
        open: () => ({
          read(chunk) {
            if (isMutant(chunk)) throw new RangeError('fault');
          },
          end() {},
        }),
      },
    ],
    [
      'a result that depends on the pieces',
      /^in one: .*; in pieces: /,
      { open: (tell) => ({ read: (chunk) => tell(`${chunk.length}`), end() {} }) },
    ],
    [
      'a slow call',
      /^a call took \d+ ms$/,
      {
        whole: true,
        open: () => ({
          read() {
            // Of the processor's time, which others on this machine do not lengthen; as often as one case is tried.
            const start = process.cpuUsage();
            for (const isSlow = slowCalls++ < 7; isSlow && process.cpuUsage(start).user < 120_000; );
          },
          end() {},
        }),
      },
    ],
    [
      'memory that is kept',
      /^a decoder holds \d+ bytes/,
      {
        open: () => {
          const kept: Buffer[] = [];
          return { read: () => void kept.push(Buffer.alloc(100_000)), end: () => void kept.length };
        },
      },
    ],
    [
      'an input that is changed',
      /^the input was changed$/,
      { open: () => ({ read: (c) => void c.fill(1), end() {} }) },
    ],
    ['a golden input that is refused', /^throws|^a golden input/, { open: () => ({ read() {}, end: fail }) }],
    ['a law that is broken', /^broken$/, { law: () => 'broken' }],
  ])('finds %s', (_fault, what, target) => {
    const { violations } = runTarget(faulty(target), { seconds: 0, seed });
    expect(violations.map((violation) => violation.what)).toContainEqual(expect.stringMatching(what));
    expect(violations.length).toBeLessThan(12);
  });

  it('does the same again for the same seed and case, and for the bytes', () => {
    const target = faulty({ law: (input) => (isMutant(input) ? input.toString('hex') : undefined) });
    const [violation] = runTarget(target, { seconds: 0, seed }).violations;
    const again = runTarget(target, { seconds: 0, seed, nth: violation!.case });
    expect(again.violations).toEqual([violation]);
    const input = Buffer.from(violation!.bytes!, 'base64');
    expect(runTarget(target, { seconds: 0, seed, input }).violations[0]!.what).toBe(violation!.what);
  });

  it('makes every kind of mutant, and each another one', () => {
    const target = faulty({});
    const made = Array.from({ length: 4000 }, (_, i) =>
      mutant(target, new Random(seed, i)).toString('latin1'),
    );
    expect(new Set(made).size).toBeGreaterThan(1500);
    expect(made.some((each) => each.length > 10_000)).toBe(true);
  });
});

function fail(): never {
  throw new Error('fault');
}
