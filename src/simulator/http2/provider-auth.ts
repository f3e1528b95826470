/** Authenticates the client of one connection, by its certificate or its provider tokens. */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ApnsReason } from '../../core/reason.js';
import { APPLE_PUSH_ENVIRONMENTS, type ApnsEnvironment } from '../pki/certificates.js';
import { derObjectIdentifier } from '../pki/der.js';
import { canShareConnection, isSameEnvironment, type KnownKey, type KnownKeys } from './provider-keys.js';
import type { ProviderTokenCheck } from './provider-token-check.js';
import { certificateTopics, type TopicPolicy } from './topic-policy.js';

/** Apple: "Refresh your token no more than once every 20 minutes". */
const UPDATE_PERIOD_MS = 20 * 60_000;

export class ProviderAuth {
  /** Used if the client presented no certificate. */
  readonly usesToken: boolean;
  readonly #check: ProviderTokenCheck;
  readonly #environment: ApnsEnvironment | undefined;
  /** The topics that a certificate is valid for, or the reason why it is refused. */
  readonly #certificate: TopicPolicy | ApnsReason | undefined;
  /** When each token was first seen here, in this process's time. */
  readonly #tokens = new Map<string, number>();
  /** The key of the first push, and the topics of every key at that time. */
  #bound: { readonly key: KnownKey; readonly keys: KnownKeys } | undefined;

  /** @param environment the environment that certificates and keys must be valid for, if any */
  constructor(socket: TLSSocket, check: ProviderTokenCheck, environment: ApnsEnvironment | undefined) {
    const certificate = socket.getPeerX509Certificate();
    this.usesToken = certificate === undefined;
    this.#check = check;
    this.#environment = environment;
    if (certificate !== undefined) {
      this.#certificate = socket.authorized ? checkCertificate(certificate, environment) : 'BadCertificate';
    }
  }

  /**
   * The topics that a request may have, or the reason why the client may not make it. A token in addition to a
   * certificate is ignored.
   *
   * @param now the gateway's time, UNIX milliseconds
   * @param maxTokens different ones within 20 minutes; 0 for any number
   */
  authorize(authorization: string | undefined, now: number, maxTokens: number): TopicPolicy | ApnsReason {
    if (this.#certificate !== undefined) return this.#certificate;
    const key = this.#check.check(authorization, now);
    if (typeof key === 'string') return key;
    if (!isSameEnvironment({ environment: this.#environment }, key)) return 'BadEnvironmentKeyIdInToken';
    this.#bound ??= { key, keys: this.#check.keys };
    if (!canShareConnection(this.#bound.key, key)) {
      const isOfTeam = this.#bound.key.teamId === key.teamId;
      return isOfTeam && !isSameEnvironment(this.#bound.key, key)
        ? 'BadEnvironmentKeyIdInToken'
        : 'UnrelatedKeyIdInToken';
    }
    if (maxTokens > 0 && !this.#countToken(authorization as string, maxTokens)) {
      return 'TooManyProviderTokenUpdates';
    }
    return (this.#bound.keys.get(key.keyId) ?? key).topics;
  }

  #countToken(token: string, maxTokens: number): boolean {
    if (this.#tokens.has(token)) return true;
    const now = performance.now();
    for (const [seen, since] of this.#tokens) {
      if (now - since > UPDATE_PERIOD_MS) this.#tokens.delete(seen);
    }
    if (this.#tokens.size >= maxTokens) return false;
    this.#tokens.set(token, now);
    return true;
  }
}

function checkCertificate(
  certificate: X509Certificate,
  environment: ApnsEnvironment | undefined,
): TopicPolicy | ApnsReason {
  const { raw } = certificate;
  return environment === undefined || raw.includes(derObjectIdentifier(APPLE_PUSH_ENVIRONMENTS[environment]))
    ? certificateTopics(certificate)
    : 'BadCertificateEnvironment';
}
