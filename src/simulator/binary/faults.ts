/** The faults of the gateway as a whole, as opposed to those a device token asks for. */

import { callbackOption, choiceOption, integerOption } from '../../core/options.js';
import { flagFault } from '../fault-option.js';
import {
  type ActiveSickConnections,
  checkSickConnections,
  GATEWAY_SICKNESSES,
  type GatewaySickness,
  type SickConnectionsFault,
} from '../sick-connection.js';

/** Changes to the behaviour of the gateway. Absent fields do not change. */
export interface GatewayFaults {
  /**
   * After an error response: read on until the client closes too, as a client needs that writes without
   * looking; or reset at once, with what the client sent still unread. @default 'drain'
   */
  readonly afterError?: 'drain' | 'reset';
  /** Whether the six bytes of an error response go out one by one. @default false */
  readonly splitErrorResponse?: boolean;
  /** Time between reading a bad frame and answering it; frames go on being read, and dropped. @default 0 */
  readonly latencyMs?: number;
  /** Closes connections as soon as they are made: all (`true`), or the next so many. @default false */
  readonly closeOnConnect?: boolean | number;
  /** Whether nothing is read from any connection, old or new. @default false */
  readonly stall?: boolean;
  /** Given the six bytes of an error response, returns what is sent in their place. @default the same */
  readonly rewriteErrorResponse?: ((packet: Buffer) => Uint8Array) | undefined;
  /** Makes new connections sick. @default none */
  readonly sickConnections?: SickConnectionsFault<GatewaySickness> | undefined;
}

/** Faults with every default filled in. */
export type ActiveGatewayFaults = Required<Omit<GatewayFaults, 'sickConnections'>> & {
  readonly sickConnections: ActiveSickConnections<GatewaySickness> | undefined;
};

export const NO_GATEWAY_FAULTS: ActiveGatewayFaults = {
  afterError: 'drain',
  splitErrorResponse: false,
  latencyMs: 0,
  closeOnConnect: false,
  stall: false,
  rewriteErrorResponse: undefined,
  sickConnections: undefined,
};

/**
 * `current` with `changes` made.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION, and nothing is changed
 */
export function changeGatewayFaults(
  current: ActiveGatewayFaults,
  changes: GatewayFaults,
): ActiveGatewayFaults {
  const { afterError, splitErrorResponse, latencyMs, closeOnConnect, stall } = changes;
  const choices = ['drain', 'reset'] as const;
  return {
    afterError: choiceOption('gateway.afterError', afterError, choices, current.afterError),
    splitErrorResponse: flagFault(
      'gateway.splitErrorResponse',
      splitErrorResponse,
      current.splitErrorResponse,
    ),
    latencyMs: integerOption('gateway.latencyMs', latencyMs, { default: current.latencyMs, min: 0 }),
    closeOnConnect:
      typeof closeOnConnect === 'number'
        ? integerOption('gateway.closeOnConnect', closeOnConnect, { default: 0, min: 0 })
        : flagFault('gateway.closeOnConnect', closeOnConnect, current.closeOnConnect),
    stall: flagFault('gateway.stall', stall, current.stall),
    rewriteErrorResponse:
      'rewriteErrorResponse' in changes
        ? callbackOption('gateway.rewriteErrorResponse', changes.rewriteErrorResponse)
        : current.rewriteErrorResponse,
    sickConnections:
      'sickConnections' in changes
        ? checkSickConnections('gateway.sickConnections', changes.sickConnections, GATEWAY_SICKNESSES)
        : current.sickConnections,
  };
}
