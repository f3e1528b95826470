/**
 * Checks provider tokens like APNs. Source: Apple, "Establishing a token-based connection to APNs".
 */
import { type KeyObject, verify } from 'node:crypto';
import type { ApnsReason } from '../../core/reason.js';
import type { KnownKey, KnownKeys } from './provider-keys.js';

const HOUR_MS = 3_600_000;

/** A token is accepted if its clock is ahead by at most this much. */
const TOLERANCE_MS = 5 * 60_000;

/** The result for each verified token, so that its signature is verified only once. */
const MAX_REMEMBERED = 1000;

/** r and s of 32 bytes each. */
const RAW_SIGNATURE_BYTES = 64;

/** A token with a valid signature. */
interface VerifiedToken {
  readonly key: KnownKey;
  /** UNIX milliseconds of `iat`. */
  readonly issued: number;
}

/** Verifies tokens that were signed with one of the known keys. */
export class ProviderTokenCheck {
  #keys: KnownKeys;
  /** `undefined` for a token that can never become valid. */
  readonly #tokens = new Map<string, VerifiedToken | undefined>();

  constructor(keys: KnownKeys) {
    this.#keys = keys;
  }

  get keys(): KnownKeys {
    return this.#keys;
  }

  /** Uses these keys from now on. */
  setKeys(keys: KnownKeys): void {
    this.#keys = keys;
    this.#tokens.clear();
  }

  /**
   * The key that an `authorization` header was signed with, or the reason why the header is refused.
   *
   * @param now UNIX milliseconds
   */
  check(authorization: string | undefined, now: number): KnownKey | ApnsReason {
    if (authorization === undefined) return 'MissingProviderToken';
    let token = this.#tokens.get(authorization);
    if (token === undefined && !this.#tokens.has(authorization)) {
      token = this.#verify(authorization);
      if (this.#tokens.size >= MAX_REMEMBERED)
        this.#tokens.delete(this.#tokens.keys().next().value as string);
      this.#tokens.set(authorization, token);
    }
    if (token === undefined || token.issued > now + TOLERANCE_MS) return 'InvalidProviderToken';
    return now - token.issued > HOUR_MS ? 'ExpiredProviderToken' : token.key;
  }

  #verify(authorization: string): VerifiedToken | undefined {
    const [, header = '', claims = '', signature = ''] =
      /^bearer +([\w-]+)\.([\w-]+)\.([\w-]+)$/i.exec(authorization) ?? [];
    const { alg, kid } = parseObject(header);
    const { iss, iat } = parseObject(claims);
    const key = typeof kid === 'string' ? this.#keys.get(kid) : undefined;
    if (alg !== 'ES256' || key === undefined || iss !== key.teamId) return undefined;
    if (typeof iat !== 'number' || !Number.isFinite(iat)) return undefined;
    const signed = Buffer.from(`${header}.${claims}`);
    return isSigned(key.publicKey, signed, Buffer.from(signature, 'base64url'))
      ? { key, issued: iat * 1000 }
      : undefined;
  }
}

/** RFC 7518, section 3.4, requires r and s without DER; APNs is reported to accept DER as well. */
function isSigned(key: KeyObject, signed: Buffer, signature: Buffer): boolean {
  const raw = signature.length === RAW_SIGNATURE_BYTES;
  return (
    (raw && verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)) ||
    verify('sha256', signed, { key, dsaEncoding: 'der' }, signature)
  );
}

function parseObject(base64url: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(base64url, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
