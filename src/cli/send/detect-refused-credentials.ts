/** Detects that the gateway refused the client certificate without an error. */
import { ApnsError } from '../../core/errors.js';
import type { SendingResult } from './summary.js';

/** A gateway that refuses the certificate closes the connection earlier than this. */
const EARLY_MS = 10_000;

/**
 * The error for a sending in which every connection was lost before the gateway confirmed anything, or
 * `undefined`. With TLS 1.3 a gateway looks at the client certificate after this side's handshake is
 * complete (RFC 8446, 4.4), so when it refuses one it mostly just closes, with notifications written to it
 * already. Running again, which is what `unknown` outcomes call for otherwise, would change nothing.
 */
export function detectRefusedCredentials({
  counts,
  reasons,
  elapsedMs,
}: SendingResult): ApnsError | undefined {
  const { accepted, rejected, presumed, unknown } = counts;
  if (unknown === 0 || accepted + rejected + presumed > 0 || elapsedMs > EARLY_MS) return undefined;
  const lost = reasons.find(([reason]) => reason === 'unknown: ConnectionLost')?.[1];
  if (lost !== unknown) return undefined;
  return new ApnsError(
    'APNS_ERR_CREDENTIALS_REFUSED',
    'the gateway closed the connection before it confirmed any notification, most likely because it refuses the client certificate: check that it is the right one for this gateway',
  );
}
