/** Everything that chance decides about one run of the end-to-end model, as fast-check arbitraries. */
import fc from 'fast-check';
import type { BackoffOptions } from '../../src/connection/backoff.js';
import type { GatewayFaults } from '../../src/simulator/binary/faults.js';
import type { Http2Faults } from '../../src/simulator/http2/faults.js';
import type { TokenFaultName } from '../../src/simulator/token-fault.js';
import type { DirectionFaults } from '../support/fault-pipe.js';
import type { ConnectionScript } from '../support/fault-proxy.js';
import { type Ending, endings, type Reading, readings } from '../support/sending.js';
import { type SickServices, sickServices } from './sick-services.js';

/** What notifications go through, from the parser on. */
export type Route = 'encoder and sink' | 'binary delivery' | 'http2 sink' | 'http2 delivery';

/** How a line is to be wrong. `too large` is found by the part that knows the wire, the others by the parser. */
export type InvalidKind =
  | 'nonsense'
  | 'odd token'
  | 'unknown field'
  | 'no payload'
  | 'not UTF-8'
  | 'too large';

export type LinePlan =
  | { readonly kind: 'good'; readonly payload: 'small' | 'medium' | 'limit'; readonly isText: boolean }
  | { readonly kind: 'fault'; readonly name: TokenFaultName; readonly argument: number }
  | { readonly kind: 'invalid'; readonly how: InvalidKind }
  | { readonly kind: 'empty' };

/** The event loop is blocked for so long, so many turns after the start. */
export interface BlockPlan {
  readonly afterTurns: number;
  readonly ms: number;
}

/** Several at a time make no sense on either wire; which of them strike depends on the route. */
export interface ServicePlan {
  readonly gateway: GatewayFaults;
  readonly http2: Http2Faults;
  /** Given where sick connections are all that is wrong: the time in which working ones can be found. */
  readonly patienceMs?: number;
}

export interface SourcePlan {
  readonly kind: 'readable' | 'generator' | 'web';
  /** Sizes of its chunks, again and again. */
  readonly chunkBytes: readonly number[];
  readonly turnsBetween: number;
  /** Whether it goes on with empty lines for as long as anybody reads. For endings other than its own. */
  readonly isLasting: boolean;
  /** The chunk in whose place it fails. */
  readonly failsAt: number | null;
}

export interface ModelPlan {
  readonly route: Route;
  readonly source: SourcePlan;
  readonly payload: 'raw' | 'parsed';
  /** Whether a delivery is read by the pipeline that writes to it, or by another. */
  readonly isOnePipeline: boolean;
  readonly lines: readonly LinePlan[];
  /** What the `context` of each notification holds beside its place in the input. */
  readonly contextBytes: number;
  readonly command: 2 | 1 | 0;
  readonly auth: 'certificate' | 'token';
  readonly options: {
    readonly connections: number;
    readonly window: { readonly count: number; readonly bytes: number; readonly ageMs: number };
    readonly checkpoint: 'auto' | 'end' | 'never';
    readonly onUnknown: 'report' | 'resend';
    readonly timeoutMs: number;
    readonly pingTimeoutMs: number;
    readonly connectTimeoutMs: number;
    readonly highWaterMark: number;
  };
  readonly backoff: Required<BackoffOptions>;
  readonly services: ServicePlan | null;
  /** For the first connections; further ones have no faults. */
  readonly connections: readonly ConnectionScript[];
  readonly blocks: readonly BlockPlan[];
  readonly reading: Reading;
  readonly ending: Ending;
}

function tokenFault(
  name: TokenFaultName,
  argument: fc.Arbitrary<number> = fc.constant(0),
): fc.Arbitrary<LinePlan> {
  return fc.record({ kind: fc.constant('fault' as const), name: fc.constant(name), argument });
}

const statusCode = fc.constantFrom(0, 1, 2, 3, 7, 8, 10, 77, 128, 255);

/** `discard` is missing: a binary gateway that drops what it has read in silence lies, and nobody can tell. */
const tokenFaults: fc.Arbitrary<LinePlan> = fc.oneof(
  tokenFault('reject', statusCode),
  tokenFault('reject', fc.constant(8)),
  tokenFault('rejectReset', statusCode),
  tokenFault('rejectSplit', statusCode),
  tokenFault('shutdown'),
  tokenFault('shutdownUnnamed'),
  tokenFault('close'),
  tokenFault('reset'),
  tokenFault('stall', fc.constantFrom(0, 1)),
  tokenFault('slowRead', fc.constantFrom(50, 255)),
  tokenFault('latency', fc.constantFrom(0, 1, 4)),
  tokenFault('temporary', fc.constantFrom(1, 2, 20)),
  tokenFault('refuse'),
  tokenFault('resetStream', fc.constantFrom(0, 1, 5, 7, 8, 11)),
  tokenFault('tooManyRequests', fc.constantFrom(0, 1)),
  tokenFault('unregistered', fc.constant(3)),
  tokenFault('expiredProviderToken'),
  tokenFault('strayBody', fc.constantFrom(0, 1, 2, 3, 4)),
  tokenFault('earlyResponse'),
  tokenFault('interim'),
  tokenFault('trailers'),
  tokenFault('withoutId'),
);

const good: fc.Arbitrary<LinePlan> = fc.record({
  kind: fc.constant('good' as const),
  payload: fc.constantFrom('small', 'small', 'medium', 'limit'),
  isText: fc.boolean(),
});

const invalid: fc.Arbitrary<LinePlan> = fc.record({
  kind: fc.constant('invalid' as const),
  how: fc.constantFrom('nonsense', 'odd token', 'unknown field', 'no payload', 'not UTF-8', 'too large'),
});

/** One line of the input. */
export const linePlans: fc.Arbitrary<LinePlan> = fc.oneof(
  { weight: 40, arbitrary: good },
  { weight: 3, arbitrary: tokenFaults },
  { weight: 2, arbitrary: invalid },
  fc.constant<LinePlan>({ kind: 'empty' }),
);

const lines: fc.Arbitrary<readonly LinePlan[]> = fc.oneof(
  fc.array(linePlans, { maxLength: 8 }),
  fc.array(linePlans, { maxLength: 60, size: 'max' }),
  // So that a whole run of it can go well.
  fc.array(good, { minLength: 20, maxLength: 60 }),
);

/** Handshakes take 1500 bytes or so to the server, and as many to the client; what follows is notifications. */
const offset = fc.oneof(fc.nat(1200), fc.integer({ min: 1200, max: 3000 }), fc.nat(20_000));

const directionFaults: fc.Arbitrary<DirectionFaults> = fc.oneof(
  fc.record({ delayMs: fc.nat(12), jitterMs: fc.nat(12) }),
  fc.record({ sliceBytes: fc.constantFrom(5, 60, 700) }),
  fc.record({ bytesPerMs: fc.constantFrom(60, 400) }),
  fc.record({ stall: fc.record({ afterBytes: offset, ms: fc.constantFrom(1, 20, 80, Infinity) }) }),
  fc.record({ corruptAt: offset }),
  fc.record({
    cut: fc.record({ afterBytes: offset, how: fc.constantFrom('fin', 'close', 'reset', 'halfClose') }),
  }),
);

/** What a network may do to a connection. */
export const connectionScripts: fc.Arbitrary<ConnectionScript> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ toServer: directionFaults }) },
  { weight: 8, arbitrary: fc.record({ toClient: directionFaults }) },
  { weight: 4, arbitrary: fc.record({ toServer: directionFaults, toClient: directionFaults }) },
  { weight: 3, arbitrary: fc.constant({}) },
  fc.constant({ blackHole: true }),
);

const gatewayFaults: fc.Arbitrary<GatewayFaults> = fc.oneof(
  fc.constant({ afterError: 'reset' as const }),
  fc.constant({ splitErrorResponse: true }),
  fc.record({ latencyMs: fc.nat(10) }),
  fc.record({ closeOnConnect: fc.integer({ min: 1, max: 3 }) }),
  sickServices.map(({ gateway }) => gateway),
);

const http2Faults: fc.Arbitrary<Http2Faults> = fc.oneof(
  fc.record({ maxConcurrentStreams: fc.constantFrom(1, 2, 10) }),
  fc.constant({ startAtOneStream: true }),
  fc.constant({ fallToOneAfterRejection: true }),
  fc.record({ refuseStreams: fc.integer({ min: 2, max: 7 }) }),
  fc.record({ latencyMs: fc.nat(10) }),
  fc.record({ storm429: fc.record({ count: fc.nat(20) }) }),
  sickServices.map(({ http2 }) => http2),
  fc.record({ bodyKind: fc.constantFrom('html', 'empty', 'huge', 'brokenJson', 'numberReason') }),
  fc.record({
    latencyMs: fc.nat(4),
    goaway: fc.record({
      afterRequests: fc.integer({ min: 1, max: 20 }),
      lastStream: fc.constantFrom('all' as const, 'all' as const, 'none' as const, 1, 9, 41),
      errorCode: fc.constantFrom(0, 11),
      debugData: fc.constantFrom('json', 'text', 'empty'),
      afterwards: fc.constantFrom('drain', 'close', 'stay'),
      beforeSettings: fc.constantFrom(false, false, false, true),
      times: fc.integer({ min: 1, max: 3 }),
    }),
  }),
);

/** What a gateway as a whole may do. */
export const servicePlans: fc.Arbitrary<ServicePlan> = fc.record({
  gateway: gatewayFaults,
  http2: http2Faults,
});

const source: fc.Arbitrary<SourcePlan> = fc.record({
  kind: fc.constantFrom('readable', 'generator', 'web'),
  chunkBytes: fc.oneof(
    fc.array(fc.integer({ min: 20, max: 2000 }), { minLength: 1, maxLength: 5 }),
    fc.constant([65_536]),
  ),
  turnsBetween: fc.constantFrom(0, 0, 0, 1, 3),
  isLasting: fc.boolean(),
  failsAt: fc.oneof({ weight: 15, arbitrary: fc.constant(null) }, fc.nat(6)),
});

/** A blocked loop stops the whole bench, so the long ones are rare: `npm run soak:freezes` has more of them. */
const blocks: fc.Arbitrary<readonly BlockPlan[]> = fc.oneof(
  { weight: 60, arbitrary: fc.constant([]) },
  {
    weight: 3,
    arbitrary: fc.array(fc.record({ afterTurns: fc.nat(300), ms: fc.constantFrom(15, 60, 200) }), {
      minLength: 1,
      maxLength: 3,
    }),
  },
  fc.array(fc.record({ afterTurns: fc.nat(100), ms: fc.constantFrom(550, 900) }), {
    minLength: 1,
    maxLength: 1,
  }),
);

/** More than a busy machine needs to answer a checkpoint. */
const SICK_PING_TIMEOUT_MS = 1500;

/** Everything at once. */
const mixedPlans: fc.Arbitrary<ModelPlan> = fc.record({
  route: fc.constantFrom('encoder and sink', 'binary delivery', 'http2 sink', 'http2 delivery'),
  source,
  payload: fc.constantFrom('raw', 'parsed'),
  isOnePipeline: fc.boolean(),
  lines,
  contextBytes: fc.constantFrom(0, 0, 0, 0, 0, 300, 20_000),
  command: fc.constantFrom(2, 2, 2, 1, 0),
  auth: fc.constantFrom('certificate', 'token'),
  options: fc.record({
    connections: fc.integer({ min: 1, max: 4 }),
    window: fc.record({
      count: fc.oneof(fc.integer({ min: 2, max: 20 }), fc.constant(1000)),
      bytes: fc.oneof(fc.integer({ min: 500, max: 10_000 }), fc.constant(1_000_000)),
      ageMs: fc.constantFrom(10, 60_000),
    }),
    checkpoint: fc.constantFrom('auto', 'auto', 'auto', 'end', 'never'),
    onUnknown: fc.constantFrom('report', 'report', 'resend'),
    timeoutMs: fc.constantFrom(30, 100, 250),
    pingTimeoutMs: fc.constantFrom(20, 60),
    connectTimeoutMs: fc.constantFrom(60, 150),
    highWaterMark: fc.constantFrom(1, 16, 1000),
  }),
  services: fc.oneof(fc.constant(null), servicePlans),
  connections: fc.oneof(fc.constant([]), fc.array(connectionScripts, { minLength: 1, maxLength: 5 })),
  backoff: fc.constant({ initialMs: 1, maxMs: 4, attempts: 4 }),
  blocks,
  reading: readings,
  ending: fc.oneof(endings(60), endings(200)),
});

/** Sick connections and nothing else that is wrong, with time enough to get round them. */
const sickPlans: fc.Arbitrary<ModelPlan> = fc
  .record({
    plan: mixedPlans,
    lines: fc.array(good, { minLength: 10, maxLength: 60 }),
    services: sickServices,
    isLasting: fc.constantFrom(false, false, false, true),
    lastingDeadlineMs: fc.constantFrom(400, 1000),
    command: fc.constantFrom(2, 1),
  })
  .map(({ plan, lines: all, services, isLasting, lastingDeadlineMs, command }): ModelPlan => {
    const { patienceMs } = services;
    return {
      ...plan,
      lines: all,
      command: command as 2 | 1,
      source: { ...plan.source, failsAt: null },
      services: isLasting ? everyConnectionSick(services) : services,
      connections: [],
      backoff: { initialMs: 20, maxMs: 100, attempts: 4 },
      options: {
        ...plan.options,
        checkpoint: 'auto',
        timeoutMs: isLasting ? lastingDeadlineMs : patienceMs,
        pingTimeoutMs: isLasting ? 100 : SICK_PING_TIMEOUT_MS,
        connectTimeoutMs: 60_000,
      },
      ending: { kind: 'end', at: 0 },
    };
  });

/** Any {@link ModelPlan}. */
export const modelPlans: fc.Arbitrary<ModelPlan> = fc.oneof(
  { weight: 9, arbitrary: mixedPlans },
  { weight: 1, arbitrary: sickPlans },
);

function everyConnectionSick({ gateway, http2, patienceMs }: SickServices): SickServices {
  const sickly = <S extends { readonly how: string }>({ how }: S): { how: S['how'] } => ({ how });
  return {
    gateway: { sickConnections: sickly(gateway.sickConnections) },
    http2: { sickConnections: sickly(http2.sickConnections) },
    patienceMs,
  };
}

/** Whether some first connections are sick and nothing else is wrong. */
export function isOnlySick({ services, ...plan }: ModelPlan): boolean {
  return services?.patienceMs !== undefined && isWell({ ...plan, services: null });
}

/** Whether a plan has nothing in it that may go wrong, invalid lines apart. */
export function isWell({
  lines: all,
  services,
  connections,
  source: { failsAt },
  ending,
}: ModelPlan): boolean {
  const hasFault = all.some(({ kind }) => kind === 'fault');
  return (
    !hasFault && services === null && connections.length === 0 && failsAt === null && ending.kind === 'end'
  );
}
