/** Who the client of one connection is: the owner of a certificate, or whoever has a provider token. */
import type { TLSSocket } from 'node:tls';
import type { ApnsReason } from '../protocol/http2/reason.js';
import type { ProviderTokenCheck } from './provider-token-check.js';
import { certificateTopics, type TopicPolicy } from './topic-policy.js';

/** Apple: "Refresh your token no more than once every 20 minutes". */
const UPDATE_PERIOD_MS = 20 * 60_000;

export class ProviderAuth {
  /** Where no certificate was presented. */
  readonly usesToken: boolean;
  readonly topics: TopicPolicy;
  readonly #check: ProviderTokenCheck;
  readonly #isCertificateBad: boolean;
  /** When each token was first seen here, in this process's time. */
  readonly #tokens = new Map<string, number>();

  /** @param team the topics that a provider token is good for */
  constructor(socket: TLSSocket, check: ProviderTokenCheck, team: TopicPolicy) {
    const certificate = socket.getPeerX509Certificate();
    this.usesToken = certificate === undefined;
    this.topics = certificate === undefined ? team : certificateTopics(certificate);
    this.#check = check;
    this.#isCertificateBad = !this.usesToken && !socket.authorized;
  }

  /**
   * Why a request is not this client's to make, or `undefined`. A token beside a certificate is ignored.
   *
   * @param now the gateway's time, UNIX milliseconds
   * @param maxTokens different ones within 20 minutes; 0 for any number
   */
  problem(authorization: string | undefined, now: number, maxTokens: number): ApnsReason | undefined {
    if (!this.usesToken) return this.#isCertificateBad ? 'BadCertificate' : undefined;
    const problem = this.#check.problem(authorization, now);
    if (problem !== undefined || maxTokens === 0) return problem;
    return this.#countToken(authorization as string, maxTokens) ? undefined : 'TooManyProviderTokenUpdates';
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
