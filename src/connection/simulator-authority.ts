/**
 * The simulator's authority, told from all others. Its certificates are for tests: that it is still trusted when
 * a program goes to Apple is a mistake, and would let whoever holds its key stand in for Apple.
 */
import type { X509Certificate } from 'node:crypto';
import { ApnsError } from '../core/errors.js';

/** What the simulator names as the organization of every authority it makes, whatever its common name is. */
export const SIMULATOR_ORGANIZATION = 'apns-streams simulator';

/** What the authorities were called that had no organization. */
const OLD_COMMON_NAME = 'apns-streams simulator CA';

/** Where a connection goes, and the name that its certificate is to prove. */
export interface Destination {
  readonly host: string;
  readonly servername?: string | undefined;
}

/** Whether a connection is meant for Apple: by the host that is dialled, or by the name that is asked for. */
export function isApple({ host, servername }: Destination): boolean {
  return [host, servername].some((name) => name !== undefined && /(^|\.)push\.apple\.com\.?$/i.test(name));
}

/** @throws {ApnsError} APNS_ERR_BAD_CREDENTIALS if one of the certificates to trust is the simulator's */
export function refuseSimulatorAuthority(authorities: readonly X509Certificate[]): void {
  if (!authorities.some(({ subject }) => isSimulatorName(subject))) return;
  throw new ApnsError(
    'APNS_ERR_BAD_CREDENTIALS',
    "tls.ca holds the authority of the simulator, which must not be trusted for Apple's hosts: remove tls.ca, or set host to the simulator",
  );
}

/** Whether a certificate that a gateway has shown, or one above it, comes from a simulator's authority. */
export function comesFromSimulator(certificate: X509Certificate | undefined): boolean {
  let current = certificate;
  // No chain is longer than this; a self-signed end may name itself for ever.
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
