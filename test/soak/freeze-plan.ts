/** Everything that chance decides about one run of a client that stands still, as fast-check arbitraries. */
import fc from 'fast-check';
import { type SickServices, sickServices } from '../model/sick-services.js';

export type FreezeEvent =
  | {
      readonly kind: 'freeze';
      readonly afterMs: number;
      readonly ms: number;
      /** How the peer ends every connection meanwhile. */
      readonly cut: 'close' | 'reset' | 'goaway' | null;
    }
  /** A blocked event loop. */
  | { readonly kind: 'block'; readonly afterMs: number; readonly ms: number }
  /** The wall clock is set. */
  | { readonly kind: 'jump'; readonly afterMs: number; readonly ms: number };

export interface FreezePlan {
  readonly wire: 'http2' | 'binary';
  readonly auth: 'certificate' | 'token';
  /** By how much the client's wall clock is wrong from the start. */
  readonly skewMs: number;
  readonly connections: number;
  readonly timeoutMs: number;
  readonly latencyMs: number;
  readonly services: SickServices | null;
  readonly events: readonly FreezeEvent[];
}

const MINUTE_MS = 60_000;

const afterMs = fc.integer({ min: 0, max: 400 });
const jumpMs = fc.constantFrom(-180, -61, -25, -2, 2, 25, 61, 180).map((minutes) => minutes * MINUTE_MS);

/** Shorter and longer than the 500 ms that an engine calls a standstill, and than a deadline. */
const standstillMs = fc.constantFrom(50, 300, 450, 600, 1000, 2500, 4000);

/** A peer that ends connections does so behind a client that is frozen for long enough to be noticed. */
const cutMs = fc.constantFrom(1000, 2500, 4000);

const events: fc.Arbitrary<FreezeEvent> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('freeze'), afterMs, ms: standstillMs, cut: fc.constant(null) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('freeze'),
      afterMs,
      ms: cutMs,
      cut: fc.constantFrom('close', 'reset', 'goaway'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('block'), afterMs, ms: standstillMs }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('jump'), afterMs, ms: jumpMs }) },
) as fc.Arbitrary<FreezeEvent>;

/** Any {@link FreezePlan}. */
export const freezePlans: fc.Arbitrary<FreezePlan> = fc.record({
  wire: fc.constantFrom('http2', 'binary'),
  auth: fc.constantFrom('certificate', 'token'),
  skewMs: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, jumpMs),
  connections: fc.constantFrom(1, 1, 2),
  // Two seconds are a lot for a machine that does nothing else, and little for one that starts 20 processes.
  timeoutMs: fc.constantFrom(2000, 3000, 6000),
  latencyMs: fc.constantFrom(0, 0, 20, 200),
  services: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, sickServices),
  events: fc.array(events, { minLength: 1, maxLength: 3 }),
});
