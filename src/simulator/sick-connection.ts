/**
 * Connections that are sick while others work. A client can recover from this fault only with a new connection.
 * Sources: pushy#458, node-apn#463 (500 or 503 to everything), clave#14 (every stream refused), APNSwift#93
 * (PING answered and no request), apns4erl#66 (status 8 for valid device tokens).
 */
import { checkOptionNames, choiceOption, integerOption } from '../core/options.js';

/** How a connection of the HTTP/2 side can be sick. */
export type Http2Sickness =
  | 'internal-error'
  | 'shutdown'
  | 'refuse-streams'
  | 'reset-streams'
  | 'no-response'
  | 'no-window';

/** How a connection of the binary gateway can be sick. */
export type GatewaySickness = 'processing-error' | 'invalid-token' | 'no-read' | 'no-response';

/** How each behaves, in the words of docs/simulator.md. */
export const HTTP2_SICKNESSES: Readonly<Record<Http2Sickness, string>> = {
  'internal-error': 'every request is rejected with 500 InternalServerError',
  shutdown: 'every request is rejected with 503 Shutdown',
  'refuse-streams': 'every stream is reset with REFUSED_STREAM',
  'reset-streams': 'every stream is reset with INTERNAL_ERROR, and nothing is accepted',
  'no-response': 'PINGs are answered and requests are read, but no request is answered or accepted',
  'no-window':
    'no WINDOW_UPDATE is sent; requests that fit into the first 65,535 bytes are answered as usual',
};

/** How each behaves, in the words of docs/simulator.md. */
export const GATEWAY_SICKNESSES: Readonly<Record<GatewaySickness, string>> = {
  'processing-error': 'the first frame is rejected with status code 1, whatever it is',
  'invalid-token': 'the first frame is rejected with status code 8, whatever it is',
  'no-read': 'nothing is read',
  'no-response': 'frames are read, but none is accepted or answered, not even an invalid one',
};

/** Makes new connections sick. Open connections do not change. */
export interface SickConnectionsFault<Sickness extends string> {
  /** How a sick connection behaves until it is closed. */
  readonly how: Sickness;
  /** How many new connections are sick; later ones work. @default all */
  readonly connections?: number;
  /** How many requests, or whole frames, a connection serves before it becomes sick. @default 0 */
  readonly healthyRequests?: number;
}

/** The same with every default filled in. */
export type ActiveSickConnections<Sickness extends string> = Required<SickConnectionsFault<Sickness>>;

/** @throws {ApnsError} APNS_ERR_INVALID_OPTION */
export function checkSickConnections<Sickness extends string>(
  path: string,
  fault: SickConnectionsFault<Sickness> | undefined,
  sicknesses: Readonly<Record<Sickness, string>>,
): ActiveSickConnections<Sickness> | undefined {
  if (fault === undefined) return undefined;
  checkOptionNames(path, fault, ['how', 'connections', 'healthyRequests']);
  const { how, connections, healthyRequests } = fault;
  const names = Object.keys(sicknesses) as Sickness[];
  return {
    // The default is not a valid name, so that a fault without `how` is rejected.
    how: choiceOption(`${path}.how`, how ?? ('' as Sickness), names, how),
    connections: integerOption(`${path}.connections`, connections, {
      default: Number.MAX_SAFE_INTEGER,
      min: 0,
    }),
    healthyRequests: integerOption(`${path}.healthyRequests`, healthyRequests, { default: 0, min: 0 }),
  };
}

/** Counts down the connections that a fault makes sick. */
export class SickConnectionsState<Sickness extends string> {
  #fault: ActiveSickConnections<Sickness> | undefined;
  #left = 0;

  /** Uses a changed fault, and restarts the count. */
  set(fault: ActiveSickConnections<Sickness> | undefined): void {
    this.#fault = fault;
    this.#left = fault?.connections ?? 0;
  }

  /** The fault of the connection that was just made, if it is sick. */
  take(): ActiveSickConnections<Sickness> | undefined {
    if (this.#left === 0) return undefined;
    this.#left--;
    return this.#fault;
  }
}
