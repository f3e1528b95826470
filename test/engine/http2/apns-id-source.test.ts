import { expect, it } from 'vitest';
import { ApnsIdSource } from '../../../src/engine/http2/apns-id-source.js';

/** RFC 9562, section 4: version in the first digit of the third group, variant in that of the fourth. */
const UUID_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

it('makes UUIDs of version 7 that begin with the time', () => {
  // RFC 9562, appendix A.6: 0x017F22E279B0 milliseconds are 22 February 2022, 19:22:22 UTC.
  const id = new ApnsIdSource(() => 0x017f22e279b0).next();
  expect(id).toMatch(UUID_7);
  expect(id.startsWith('017f22e2-79b0-7')).toBe(true);
});

it('counts in the last ten digits, from 0', () => {
  const ids = new ApnsIdSource();
  const counters = Array.from({ length: 18 }, () => Number.parseInt(ids.next().slice(-10), 16));
  expect(counters).toEqual(Array.from({ length: 18 }, (_, i) => i));
});

it('makes 200,000 that are different, and rise while the time does not', () => {
  const ids = new ApnsIdSource(() => 1_800_000_000_000);
  const all = Array.from({ length: 200_000 }, () => ids.next());
  expect(new Set(all).size).toBe(all.length);
  expect(all.every((id) => UUID_7.test(id))).toBe(true);
  const [first] = all;
  const batch = all.filter((id) => id.slice(0, 26) === first!.slice(0, 26));
  expect(batch.length).toBe(65_536);
  expect(batch).toEqual(batch.toSorted());
});

it('makes other ones in every source', () => {
  const make = () => new ApnsIdSource(() => 0).next();
  expect(new Set(Array.from({ length: 100 }, make)).size).toBe(100);
});
