/**
 * Detects the simulator's authority. Its certificates are for tests. A program that connects to Apple must not trust
 * it, because anyone who has its key could then impersonate Apple.
 */
import type { X509Certificate } from 'node:crypto';
import { ApnsError } from '../core/errors.js';

/** The organization of every authority that the simulator creates, whatever its common name is. */
export const SIMULATOR_ORGANIZATION = 'apns-streams simulator';

/** The common name of earlier authorities, which had no organization. */
const OLD_COMMON_NAME = 'apns-streams simulator CA';

/** The host of a connection, and the name that its certificate must have. */
export interface Destination {
  readonly host: string;
  readonly servername?: string | undefined;
}

/** Whether a connection is meant for Apple, according to its host or its server name. */
export function isApple({ host, servername }: Destination): boolean {
  return [host, servername].some((name) => name !== undefined && /(^|\.)push\.apple\.com\.?$/i.test(name));
}

/** @throws {ApnsError} APNS_ERR_BAD_CREDENTIALS if one of the certificates to trust is the simulator's */
export function refuseSimulatorAuthority(authorities: readonly X509Certificate[]): void {
  if (!authorities.some(({ subject }) => isSimulatorName(subject))) return;
  throw new ApnsError(
    'APNS_ERR_BAD_CREDENTIALS',
    "tls.ca contains the authority of the simulator, which must not be trusted for Apple's hosts: remove tls.ca, or set host to the simulator",
  );
}

/** Whether a simulator's authority issued the certificate of a gateway, or one above it in the chain. */
export function comesFromSimulator(certificate: X509Certificate | undefined): boolean {
  let current = certificate;
  // No valid chain is longer. A self-signed certificate at its end names itself as its issuer without end.
  for (let depth = 0; current !== undefined && depth < 10; depth++) {
    if (isSimulatorName(current.issuer)) return true;
    current = current.issuerCertificate;
  }
  return false;
}

/** Node writes a distinguished name as one line for each of its attributes. */
function isSimulatorName(name: string): boolean {
  const attributes = name.split('\n');
  return attributes.includes(`O=${SIMULATOR_ORGANIZATION}`) || attributes.includes(`CN=${OLD_COMMON_NAME}`);
}
