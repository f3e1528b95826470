/** Connections of both wires that are sick while others work, as fast-check arbitraries. */
import fc from 'fast-check';
import type {
  GatewaySickness,
  Http2Sickness,
  SickConnectionsFault,
} from '../../src/simulator/sick-connection.js';

/** What the first connections of a run suffer from, on either wire. */
export interface SickServices {
  readonly gateway: { readonly sickConnections: SickConnectionsFault<GatewaySickness> };
  readonly http2: { readonly sickConnections: SickConnectionsFault<Http2Sickness> };
  /** A deadline in which working connections can be found. */
  readonly patienceMs: number;
}

/** Those that answer; the time that the others take is a part of the deadline. */
const ANSWERING: readonly Http2Sickness[] = ['internal-error', 'shutdown', 'refuse-streams', 'reset-streams'];

const http2Sickness = fc.constantFrom<Http2Sickness>(
  ...ANSWERING,
  ...ANSWERING,
  'no-response',
  'no-window',
  'no-window',
);
const gatewaySickness = fc.constantFrom<GatewaySickness>(
  'processing-error',
  'invalid-token',
  'processing-error',
  'invalid-token',
  'no-read',
  'no-response',
);

/** Any {@link SickServices} with one or two sick connections. */
export const sickServices: fc.Arbitrary<SickServices> = fc
  .record({
    http2: http2Sickness,
    gateway: gatewaySickness,
    connections: fc.constantFrom(1, 2),
    healthyRequests: fc.constantFrom(0, 0, 0, 1, 5),
  })
  .map(({ http2, gateway, ...rest }) => ({
    gateway: { sickConnections: { how: gateway, ...rest } },
    http2: { sickConnections: { how: http2, ...rest } },
    patienceMs: ANSWERING.includes(http2) ? 20_000 : 6000,
  }));
