/**
 * Judges provider tokens as APNs does. Source: Apple, "Establishing a token-based connection to APNs".
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { ApnsReason } from '../protocol/http2/reason.js';
import type { SimulatorCredentials } from './credentials.js';

const HOUR_MS = 3_600_000;

/** A clock that is this much ahead of ours is no reason to refuse. */
const TOLERANCE_MS = 5 * 60_000;

/** Of every token that was verified, so that the same one costs its signature once. */
const MAX_REMEMBERED = 1000;

/** r and s of 32 bytes each. */
const RAW_SIGNATURE_BYTES = 64;

/** Verifies the tokens of one team, made with one key. */
export class ProviderTokenCheck {
  readonly #key: KeyObject;
  readonly #keyId: string;
  readonly #teamId: string;
  /** UNIX milliseconds of `iat`; `undefined` for a token that is wrong for ever. */
  readonly #issued = new Map<string, number | undefined>();

  constructor({ providerKey, keyId, teamId }: SimulatorCredentials) {
    this.#key = createPublicKey(providerKey);
    this.#keyId = keyId;
    this.#teamId = teamId;
  }

  /**
   * What is wrong with an `authorization` header, or `undefined`.
   *
   * @param now UNIX milliseconds
   */
  problem(authorization: string | undefined, now: number): ApnsReason | undefined {
    if (authorization === undefined) return 'MissingProviderToken';
    let issued = this.#issued.get(authorization);
    if (issued === undefined && !this.#issued.has(authorization)) {
      issued = this.#verify(authorization);
      if (this.#issued.size >= MAX_REMEMBERED)
        this.#issued.delete(this.#issued.keys().next().value as string);
      this.#issued.set(authorization, issued);
    }
    if (issued === undefined || issued > now + TOLERANCE_MS) return 'InvalidProviderToken';
    return now - issued > HOUR_MS ? 'ExpiredProviderToken' : undefined;
  }

  #verify(authorization: string): number | undefined {
    const [, header = '', claims = '', signature = ''] =
      /^bearer +([\w-]+)\.([\w-]+)\.([\w-]+)$/i.exec(authorization) ?? [];
    const { alg, kid } = parseObject(header);
    const { iss, iat } = parseObject(claims);
    if (alg !== 'ES256' || kid !== this.#keyId || iss !== this.#teamId) return undefined;
    if (typeof iat !== 'number' || !Number.isFinite(iat)) return undefined;
    const signed = Buffer.from(`${header}.${claims}`);
    return this.#isSigned(signed, Buffer.from(signature, 'base64url')) ? iat * 1000 : undefined;
  }

  /** RFC 7518, section 3.4, wants r and s as they are; APNs is said to take DER as well. */
  #isSigned(signed: Buffer, signature: Buffer): boolean {
    const raw = signature.length === RAW_SIGNATURE_BYTES;
    return (
      (raw && verify('sha256', signed, { key: this.#key, dsaEncoding: 'ieee-p1363' }, signature)) ||
      verify('sha256', signed, { key: this.#key, dsaEncoding: 'der' }, signature)
    );
  }
}

function parseObject(base64url: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(base64url, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
