/** Turns GOAWAY, RST_STREAM and timeouts into errors and reasons. */

import { toApnsError } from '../../connection/node-error.js';
import { ApnsError, formatPeer, type Peer } from '../../core/errors.js';
import { redactReason } from '../../core/redact.js';
import { decodeReasonBody } from '../../protocol/apns/reason.js';
import { Http2ErrorCode, http2ErrorName } from '../../protocol/http2/error-code.js';
import type { ResolvedHttp2Options } from './options.js';

/** A wire error code as the reason of an outcome: INTERNAL_ERROR becomes StreamInternalError. */
export function resetReason(errorCode: number): string {
  const words = http2ErrorName(errorCode).toLowerCase().split('_');
  return `Stream${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}`;
}

/** The reason of notifications that were in flight when the connection ended. */
export function lossReason(cause: ApnsError | undefined): string {
  if (cause?.code === 'APNS_ERR_TIMEOUT') return 'Timeout';
  return cause?.code === 'APNS_ERR_CLOSED' ? 'Aborted' : 'ConnectionLost';
}

/** The error for a connection that ended with GOAWAY and without another error. APNs adds a reason to GOAWAY. */
export function goawayError(peer: Peer, errorCode: number, debugData: Buffer): ApnsError {
  const { reason } = decodeReasonBody(debugData);
  return new ApnsError(
    errorCode === Http2ErrorCode.NO_ERROR ? 'APNS_ERR_CONNECTION_LOST' : 'APNS_ERR_HTTP2_PROTOCOL',
    `${formatPeer(peer)} ended the connection: ${redactReason(reason) ?? http2ErrorName(errorCode)}`,
  );
}

const OTHER_ENVIRONMENT =
  'is for the other environment: send to that environment, production or sandbox, or use other credentials';

/** What to do about each reason of status 403, as Apple's table explains it. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  [
    'InvalidProviderToken',
    "check team id and key id, that the .p8 key is the one with this key id, and this machine's clock",
  ],
  ['ExpiredProviderToken', "check this machine's clock: a provider token is valid for one hour"],
  [
    'MissingProviderToken',
    'give a provider key with key id and team id, or a client certificate that Apple issued for push notifications',
  ],
  ['UnrelatedKeyIdInToken', 'check the key id: a connection accepts tokens of one key only'],
  ['BadEnvironmentKeyIdInToken', `the provider key ${OTHER_ENVIRONMENT}`],
  ['BadEnvironmentKeyInToken', `the provider key ${OTHER_ENVIRONMENT}`],
  ['BadCertificate', "check that the client certificate is the app's, is valid and has not been revoked"],
  ['BadCertificateEnvironment', `the client certificate ${OTHER_ENVIRONMENT}`],
  ['Forbidden', 'check that the certificate or provider key may send to this topic'],
]);

/** The error for refused credentials. Its most common cause is a wrong clock. */
export function refusedError({ target, providerToken }: ResolvedHttp2Options, reason: string): ApnsError {
  const skewMs = providerToken?.clockSkewMs;
  const clock =
    skewMs === undefined || Math.abs(skewMs) < 60_000
      ? ''
      : `; this clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'behind' : 'ahead of'} the server's`;
  const advice = ADVICE.get(reason);
  const said = `${redactReason(reason) ?? 'it gave an unknown reason'}${advice === undefined ? '' : `: ${advice}`}`;
  return new ApnsError(
    'APNS_ERR_CREDENTIALS_REFUSED',
    `${formatPeer(target)} refuses the credentials: ${said}${clock}`,
  );
}

/** Adds the peer and the remedy to an error of the frame parser, which knows neither. */
export function http2ProtocolError(peer: Peer, error: unknown): ApnsError {
  if (!(error instanceof ApnsError)) return toApnsError(error, peer);
  const { code, message } = error;
  return new ApnsError(code, `${formatPeer(peer)}: ${message}; check host and port`, { cause: error });
}

/** The error for a connection whose peer does not respond. */
export function silentError(peer: Peer, silentMs: number): ApnsError {
  return new ApnsError(
    'APNS_ERR_TIMEOUT',
    `${formatPeer(peer)} has sent nothing for ${Math.round(silentMs)} ms, neither SETTINGS nor a response to PING`,
  );
}

/** The message for a connection that is replaced because no notification succeeds on it. */
export function sickMessage(peer: Peer): string {
  return `${formatPeer(peer)} failed to process several notifications in a row on one connection, so the connection is replaced`;
}

/** The message for a further connection that is opened because the current one does not respond. */
export function stalledMessage(peer: Peer, silentMs: number): string {
  return `${formatPeer(peer)} has not responded to any notification on one connection for ${Math.round(silentMs)} ms`;
}
