/**
 * The status codes of the binary protocol's error response, with the reason each is reported as.
 *
 * Source: Apple, "Binary Provider API", table A-1 "Codes in error-response packet".
 */
import type { StatusReason } from '../../core/reason.js';

/** Each reason's status code. */
export const StatusCode: Readonly<Record<StatusReason, number>> = {
  /** "No errors encountered." The named notification, like those before it, was accepted. */
  NoError: 0,
  /** The named notification failed for a reason of the gateway's own; it may be tried again. */
  ProcessingError: 1,
  MissingDeviceToken: 2,
  /** A certificate problem: every notification will fail like this one. */
  MissingTopic: 3,
  MissingPayload: 4,
  InvalidTokenSize: 5,
  InvalidTopicSize: 6,
  InvalidPayloadSize: 7,
  /** Most often a token of the other environment. */
  InvalidToken: 8,
  /** The gateway shuts down; the named notification is the last one that it accepted. */
  Shutdown: 10,
  /** The gateway could not parse what it read. Sending the same again would fail again. */
  ProtocolError: 128,
  /** The gateway's own "none (unknown)". */
  Unknown: 255,
};

const REASONS: ReadonlyMap<number, StatusReason> = new Map(
  Object.entries(StatusCode).map(([reason, code]) => [code, reason as StatusReason]),
);

/** The reason of a status code; a code that Apple's table does not list is `Unknown`. */
export function decodeStatusCode(statusCode: number): StatusReason {
  return REASONS.get(statusCode) ?? 'Unknown';
}

/** The status code of a reason. */
export function encodeStatusCode(reason: StatusReason): number {
  return StatusCode[reason];
}
