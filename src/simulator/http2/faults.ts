/** The faults of the HTTP/2 side as a whole, as opposed to those a device token asks for. */
import { invalidOption } from '../../core/errors.js';
import { MAX_UINT32 } from '../../core/notification-rules.js';
import { checkOptionNames, choiceOption, integerOption } from '../../core/options.js';
import { MAX_UINT31 } from '../../protocol/http2/frame-header.js';
import { flagFault } from '../fault-option.js';
import { BODY_KINDS, type BodyKind } from '../rejection.js';
import {
  type ActiveSickConnections,
  checkSickConnections,
  HTTP2_SICKNESSES,
  type Http2Sickness,
  type SickConnectionsFault,
  SickConnectionsState,
} from '../sick-connection.js';

/** The debug data of a GOAWAY. */
export type GoawayDebugData = 'json' | 'text' | 'empty';

/**
 * The last stream that GOAWAY names: the highest so far, none, or the one with this id. It is true: requests
 * above it wait for the GOAWAY, for as long as `drainTimeoutMs`, and are not processed; if one has been
 * processed all the same, GOAWAY names that one.
 */
export type GoawayLastStream = 'all' | 'none' | number;

/** A GOAWAY during a connection, or at its beginning. */
export interface GoawayFault {
  /** The number of the request of a connection that triggers it. It is ignored with `beforeSettings`. @default 1 */
  readonly afterRequests?: number;
  /** One, or several for as many frames in a row. @default 'all' */
  readonly lastStream?: GoawayLastStream | readonly GoawayLastStream[];
  /** @default 0, NO_ERROR */
  readonly errorCode?: number;
  /** @default 'json' */
  readonly debugData?: GoawayDebugData;
  /**
   * What becomes of what is at or below the last stream: answered, and then the connection is closed; not
   * answered, because the connection is closed at once; answered, and the connection is left to the client.
   * @default 'drain'
   */
  readonly afterwards?: 'drain' | 'close' | 'stay';
  /** Whether it comes before SETTINGS, and the connection is closed behind it. @default false */
  readonly beforeSettings?: boolean;
  /** The number of connections that get it. @default all */
  readonly times?: number;
}

/** A series of responses with 429 TooManyRequests. */
export interface Storm429Fault {
  /** Requests that are answered so, over all connections. */
  readonly count: number;
  /** The header `retry-after`, in seconds. @default none */
  readonly retryAfterSeconds?: number;
}

/** Changes to the behaviour of the HTTP/2 side. Absent fields do not change. */
export interface Http2Faults {
  /** Streams a client may have open at a time. @default 1000 */
  readonly maxConcurrentStreams?: number;
  /** Whether a connection without a certificate starts at one stream, until its first acceptance. @default false */
  readonly startAtOneStream?: boolean;
  /**
   * Whether a rejection takes the limit down to one stream, until the next acceptance; all open streams but
   * the oldest are refused then. @default false
   */
  readonly fallToOneAfterRejection?: boolean;
  /** @default none */
  readonly goaway?: GoawayFault | undefined;
  /** Refuses every n-th request with REFUSED_STREAM; 0 disables this. @default 0 */
  readonly refuseStreams?: number;
  /** Whether PINGs get no response, on new connections. @default false */
  readonly ignorePing?: boolean;
  /** The time between a request and its response. A notification is accepted when its response is sent. @default 0 */
  readonly latencyMs?: number;
  /** @default none */
  readonly storm429?: Storm429Fault | undefined;
  /** The form of every rejection's body. @default 'json' */
  readonly bodyKind?: BodyKind;
  /** How far the gateway's clock is ahead, in its `date` headers and for provider tokens. @default 0 */
  readonly clockSkewMs?: number;
  /** Different provider tokens a connection takes within 20 minutes; 0 for any number. @default 0 */
  readonly maxProviderTokens?: number;
  /** Whether broadcast is switched off for every app: FeatureNotEnabled. @default false */
  readonly broadcastDisabled?: boolean;
  /** Makes new connections sick. @default none */
  readonly sickConnections?: SickConnectionsFault<Http2Sickness> | undefined;
}

/** Faults with every default filled in. */
export type ActiveHttp2Faults = Required<Omit<Http2Faults, 'goaway' | 'storm429' | 'sickConnections'>> & {
  readonly goaway: ActiveGoawayFault | undefined;
  readonly storm429: Storm429Fault | undefined;
  readonly sickConnections: ActiveSickConnections<Http2Sickness> | undefined;
};

export type ActiveGoawayFault = Required<Omit<GoawayFault, 'lastStream'>> & {
  readonly lastStreams: readonly GoawayLastStream[];
};

const NO_HTTP2_FAULTS: ActiveHttp2Faults = {
  maxConcurrentStreams: 1000,
  startAtOneStream: false,
  fallToOneAfterRejection: false,
  goaway: undefined,
  refuseStreams: 0,
  ignorePing: false,
  latencyMs: 0,
  storm429: undefined,
  bodyKind: 'json',
  clockSkewMs: 0,
  maxProviderTokens: 0,
  broadcastDisabled: false,
  sickConnections: undefined,
};

export const HTTP2_FAULT_NAMES: readonly string[] = Object.keys(NO_HTTP2_FAULTS);

/** The active faults, and how often each counted fault was applied. */
export class Http2FaultState {
  #active: ActiveHttp2Faults = NO_HTTP2_FAULTS;
  readonly sickConnections: SickConnectionsState<Http2Sickness> = new SickConnectionsState();
  #requests = 0;
  #stormLeft = 0;
  #goawaysLeft = 0;

  get active(): ActiveHttp2Faults {
    return this.#active;
  }

  /** The gateway's time, in UNIX milliseconds. */
  get now(): number {
    return Date.now() + this.#active.clockSkewMs;
  }

  /** @throws {ApnsError} APNS_ERR_INVALID_OPTION, and nothing is changed */
  change(changes: Http2Faults): void {
    const active = changeFaults(this.#active, changes);
    if ('storm429' in changes) this.#stormLeft = active.storm429?.count ?? 0;
    if ('goaway' in changes) this.#goawaysLeft = active.goaway?.times ?? 0;
    if ('sickConnections' in changes) this.sickConnections.set(active.sickConnections);
    this.#active = active;
  }

  /** Whether to refuse the request that has just arrived. */
  takeRefusal(): boolean {
    const { refuseStreams } = this.#active;
    return refuseStreams > 0 && ++this.#requests % refuseStreams === 0;
  }

  /**
   * The stream above which a GOAWAY that is still to come on a connection will deny everything; infinity where
   * none will.
   *
   * @param requests those that arrived on it
   */
  deniedAbove(requests: number): number {
    const { goaway } = this.#active;
    if (goaway === undefined || this.#goawaysLeft === 0) return Number.POSITIVE_INFINITY;
    if (goaway.beforeSettings || requests >= goaway.afterRequests) return Number.POSITIVE_INFINITY;
    const ids = goaway.lastStreams.map((last) =>
      last === 'all' ? Number.POSITIVE_INFINITY : last === 'none' ? 0 : last,
    );
    return Math.min(...ids);
  }

  /** The active series of 429 responses for the next request, if any. */
  takeStorm(): Storm429Fault | undefined {
    if (this.#stormLeft === 0) return undefined;
    this.#stormLeft--;
    return this.#active.storm429;
  }

  /**
   * The GOAWAY that a connection is to get now, if any.
   *
   * @param requests those that arrived on it; 0 before SETTINGS
   */
  takeGoaway(requests: number): ActiveGoawayFault | undefined {
    const { goaway } = this.#active;
    if (goaway === undefined || this.#goawaysLeft === 0) return undefined;
    if (requests !== (goaway.beforeSettings ? 0 : goaway.afterRequests)) return undefined;
    this.#goawaysLeft--;
    return goaway;
  }
}

/**
 * `current` with `changes` made.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION, and nothing is changed
 */
function changeFaults(current: ActiveHttp2Faults, changes: Http2Faults): ActiveHttp2Faults {
  const flag = (
    name: 'startAtOneStream' | 'fallToOneAfterRejection' | 'ignorePing' | 'broadcastDisabled',
  ): boolean => flagFault(`http2.${name}`, changes[name], current[name]);
  const count = (
    name: 'maxConcurrentStreams' | 'refuseStreams' | 'latencyMs' | 'maxProviderTokens',
    max = Number.MAX_SAFE_INTEGER,
  ): number => integerOption(`http2.${name}`, changes[name], { default: current[name], min: 0, max });
  return {
    maxConcurrentStreams: count('maxConcurrentStreams', MAX_UINT32),
    startAtOneStream: flag('startAtOneStream'),
    fallToOneAfterRejection: flag('fallToOneAfterRejection'),
    goaway: 'goaway' in changes ? checkGoaway(changes.goaway) : current.goaway,
    refuseStreams: count('refuseStreams'),
    ignorePing: flag('ignorePing'),
    latencyMs: count('latencyMs'),
    storm429: 'storm429' in changes ? checkStorm(changes.storm429) : current.storm429,
    bodyKind: choiceOption('http2.bodyKind', changes.bodyKind, BODY_KINDS, current.bodyKind),
    clockSkewMs: integerOption('http2.clockSkewMs', changes.clockSkewMs, {
      default: current.clockSkewMs,
      min: Number.MIN_SAFE_INTEGER,
    }),
    maxProviderTokens: count('maxProviderTokens'),
    broadcastDisabled: flag('broadcastDisabled'),
    sickConnections:
      'sickConnections' in changes
        ? checkSickConnections('http2.sickConnections', changes.sickConnections, HTTP2_SICKNESSES)
        : current.sickConnections,
  };
}

function checkGoaway(goaway: GoawayFault | undefined): ActiveGoawayFault | undefined {
  if (goaway === undefined) return undefined;
  const path = 'http2.goaway';
  checkOptionNames(path, goaway, [
    'afterRequests',
    'lastStream',
    'errorCode',
    'debugData',
    'afterwards',
    'beforeSettings',
    'times',
  ]);
  const {
    afterRequests,
    lastStream = 'all',
    errorCode,
    debugData,
    afterwards,
    beforeSettings,
    times,
  } = goaway;
  const lastStreams = Array.isArray(lastStream) ? [...lastStream] : [lastStream];
  if (lastStreams.length === 0 || !lastStreams.every(isLastStream)) {
    throw invalidOption(`${path}.lastStream`, "'all', 'none', a stream id, or a list of these", lastStream);
  }
  return {
    afterRequests: integerOption(`${path}.afterRequests`, afterRequests, { default: 1 }),
    lastStreams,
    errorCode: integerOption(`${path}.errorCode`, errorCode, { default: 0, min: 0, max: MAX_UINT32 }),
    debugData: choiceOption(`${path}.debugData`, debugData, ['json', 'text', 'empty'], 'json'),
    afterwards: choiceOption(`${path}.afterwards`, afterwards, ['drain', 'close', 'stay'], 'drain'),
    beforeSettings: flagFault(`${path}.beforeSettings`, beforeSettings, false),
    times: integerOption(`${path}.times`, times, { default: Number.MAX_SAFE_INTEGER, min: 0 }),
  };
}

function isLastStream(value: unknown): boolean {
  if (value === 'all' || value === 'none') return true;
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MAX_UINT31;
}

function checkStorm(storm: Storm429Fault | undefined): Storm429Fault | undefined {
  if (storm === undefined) return undefined;
  checkOptionNames('http2.storm429', storm, ['count', 'retryAfterSeconds']);
  const { count, retryAfterSeconds } = storm;
  const checked = { count: integerOption('http2.storm429.count', count, { default: 1, min: 0 }) };
  if (retryAfterSeconds === undefined) return checked;
  const seconds = integerOption('http2.storm429.retryAfterSeconds', retryAfterSeconds, {
    default: 0,
    min: 0,
  });
  return { ...checked, retryAfterSeconds: seconds };
}
