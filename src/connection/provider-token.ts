/**
 * The provider token: a JSON Web Token, signed with ES256, that stands in for a client certificate.
 *
 *     base64url({"alg":"ES256","kid":keyId}) . base64url({"iss":teamId,"iat":UNIX seconds}) . base64url(r ‖ s)
 *
 * Source: Apple, "Establishing a token-based connection to APNs". APNs refuses a token that is older than an
 * hour (ExpiredProviderToken), and one that takes the place of another on the same connection after less than 20
 * minutes (TooManyProviderTokenUpdates). RFC 7518, section 3.4: the signature is the two numbers as they are, not DER.
 *
 * Ages are measured with the monotonic clock. The wall clock is used for `iat` only, and is corrected with the
 * server's `date` if the two differ.
 */
import { type KeyObject, sign } from 'node:crypto';
import { appleIdProblem } from '../core/apple-id.js';
import { invalidOption } from '../core/errors.js';
import { checkOptionNames } from '../core/options.js';
import { badCredentials, type Pem } from './pem.js';
import { type PrivateKey, readPrivateKeys } from './private-key.js';

/** The options for provider tokens. Apple issues all of them at developer.apple.com, under Keys. */
export interface ProviderTokenOptions {
  /**
   * The private key, PEM: the contents of the file `AuthKey_<keyId>.p8`, not its path. Line breaks may be the two
   * characters `\n`, or missing, as in an environment variable.
   */
  readonly key: Pem;
  /** The key's id, 10 letters and digits; it is in the file's name. */
  readonly keyId: string;
  /** The id of the team that the key belongs to, 10 letters and digits. */
  readonly teamId: string;
}

const KNOWN = ['key', 'keyId', 'teamId'] satisfies (keyof ProviderTokenOptions)[];

/** What {@link ProviderToken.refresh} did. */
export type TokenRefresh =
  /** No new token: the token must not change yet, and another request with it would be refused again. */
  | 'kept'
  /** There is a new token. Connections that carried an earlier token may carry it. */
  | 'replaced'
  /**
   * There is a new token, less than 20 minutes after the previous one. A connection that carried the previous token
   * must not carry the new one (TooManyProviderTokenUpdates): drain every connection that is open now.
   */
  | 'reissued';

/** The two clocks that a token needs. */
export interface TokenClock {
  /** UNIX milliseconds. Users and the system can set this clock. */
  wall(): number;
  /** Milliseconds since a fixed moment. Nothing can set this clock; it may stop while the machine sleeps. */
  monotonic(): number;
}

const MINUTE_MS = 60_000;

/** Apple: "Refresh your token no more than once every 20 minutes". */
const MIN_AGE_MS = 20 * MINUTE_MS;

/**
 * "… and no less than once every 60 minutes." Ten minutes of that are left to requests that are already
 * written and to clocks that differ. There is no jitter: no two processes share a token, so no load needs to be spread.
 */
const REFRESH_AGE_MS = 50 * MINUTE_MS;

/** A `date` header has whole seconds and is as old as the response; a smaller difference says nothing. */
const MAX_SKEW_MS = MINUTE_MS;

const SYSTEM_CLOCK: TokenClock = { wall: () => Date.now(), monotonic: () => performance.now() };

/** The times of both clocks at one moment. */
interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

/**
 * Makes the provider token and keeps it for as long as it serves: one for all connections and topics of a
 * team. Nothing runs between two calls, and a token is made only when one is asked for.
 *
 * No key and no token can be seen by inspecting or serializing this object.
 */
export class ProviderToken {
  readonly #key: KeyObject;
  readonly #header: string;
  readonly #teamId: string;
  readonly #clock: TokenClock;
  #authorization: string | undefined;
  /** When the token was made. */
  #madeAt: Moment = { wall: 0, monotonic: 0 };
  /** Its `iat`, in milliseconds: the wall-clock time, corrected if that clock was known to be wrong. */
  #issuedAt = 0;
  /** When a token was last made before the previous one was 20 minutes old. */
  #reissuedAt: Moment | undefined;
  #skewMs = 0;
  /** When the skew was measured. */
  #measuredAt: Moment | undefined;

  /**
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION for options of the wrong type or name
   * @throws {ApnsError} APNS_ERR_BAD_CREDENTIALS for an id of another form, for two ids that are the same, and for a
   *   key that cannot be read or is not a private key on the curve P-256
   */
  constructor(options: ProviderTokenOptions, clock: TokenClock = SYSTEM_CLOCK) {
    checkOptionNames('providerToken', options ?? null, KNOWN);
    const { key, keyId, teamId } = options;
    this.#key = readKey(key);
    this.#header = encodeJson({ alg: 'ES256', kid: readId('keyId', keyId, 'the file name of the .p8 key') });
    this.#teamId = readId('teamId', teamId, 'the membership details at developer.apple.com');
    if (keyId === teamId) {
      throw badCredentials(
        'providerToken.keyId and providerToken.teamId are the same: the key id is in the file name of the .p8 key, the team id in the membership details at developer.apple.com',
      );
    }
    this.#clock = clock;
  }

  /**
   * Returns `bearer <provider token>`, the very same string until the token is 50 minutes old; then one with a new
   * token.
   */
  authorization(): string {
    const now = this.#now();
    return this.#authorization === undefined || this.#isDue(now) ? this.#make(now) : this.#authorization;
  }

  /**
   * Replaces the token if that can help. Call it when a request that was sent with the value `refused` gets
   * ExpiredProviderToken or InvalidProviderToken, after {@link noteServerDate} with the `date` of that response.
   *
   * If the server's time shows that the token's `iat` is wrong, the token is replaced at once; otherwise only when it
   * is 20 minutes old. Requests that were sent with one token and refused together get one new token.
   */
  refresh(refused: string): TokenRefresh {
    // Many requests may be in flight with one token, and each of them is refused.
    if (this.#authorization !== refused) return 'replaced';
    const now = this.#now();
    if (now.monotonic - this.#madeAt.monotonic >= MIN_AGE_MS) {
      this.#make(now);
      return 'replaced';
    }
    if (!this.#isIssuedWrongly(now) || !this.#mayReissue(now)) return 'kept';
    this.#reissuedAt = now;
    this.#make(now);
    return 'reissued';
  }

  /**
   * Takes note of a response's `date` header. When it differs from this machine's clock by more than a
   * minute, in either direction, the tokens to come are issued by the server's time.
   *
   * @param serverMs UNIX milliseconds
   */
  noteServerDate(serverMs: number): void {
    if (!Number.isFinite(serverMs)) return;
    this.#measuredAt = this.#now();
    this.#skewMs = serverMs - this.#measuredAt.wall;
  }

  /**
   * How far the server's clock is ahead of this machine's, in milliseconds; negative when it is behind,
   * `undefined` until a response has had a `date`, and after this machine's clock was set. It includes the latency of
   * the response, and has a resolution of one second. A skew of more than a minute explains most refusals of a token.
   */
  get clockSkewMs(): number | undefined {
    return this.#skewAt(this.#now());
  }

  #now(): Moment {
    return { wall: this.#clock.wall(), monotonic: this.#clock.monotonic() };
  }

  /** A skew that was measured before the wall clock was set is no longer valid. */
  #skewAt(now: Moment): number | undefined {
    const measured = this.#measuredAt;
    return measured === undefined || hasBeenSet(measured, now) ? undefined : this.#skewMs;
  }

  /** The server's time if it is known, otherwise this machine's. */
  #serverTime(now: Moment): number {
    const skew = this.#skewAt(now) ?? 0;
    return Math.abs(skew) > MAX_SKEW_MS ? now.wall + skew : now.wall;
  }

  #isDue(now: Moment): boolean {
    const age = now.monotonic - this.#madeAt.monotonic;
    if (age >= REFRESH_AGE_MS) return true;
    if (age < MIN_AGE_MS || this.#skewAt(now) === undefined) return false;
    const serverAge = this.#serverTime(now) - this.#issuedAt;
    return serverAge >= REFRESH_AGE_MS || serverAge < -MAX_SKEW_MS;
  }

  /**
   * Whether the token's age on the server's clock differs from that on the monotonic clock: this machine's clock was
   * wrong when the token was issued, or the machine has slept since, while the monotonic clock stopped.
   */
  #isIssuedWrongly(now: Moment): boolean {
    const age = now.monotonic - this.#madeAt.monotonic;
    return Math.abs(this.#serverTime(now) - this.#issuedAt - age) > MAX_SKEW_MS;
  }

  /** A server whose dates contradict each other must not cause a new token for each response. */
  #mayReissue(now: Moment): boolean {
    const last = this.#reissuedAt;
    return last === undefined || now.monotonic - last.monotonic >= MIN_AGE_MS || hasBeenSet(last, now);
  }

  #make(now: Moment): string {
    this.#madeAt = now;
    this.#issuedAt = this.#serverTime(now);
    const claims = encodeJson({ iss: this.#teamId, iat: Math.floor(this.#issuedAt / 1000) });
    const signed = `${this.#header}.${claims}`;
    const signature = sign('sha256', Buffer.from(signed), { key: this.#key, dsaEncoding: 'ieee-p1363' });
    this.#authorization = `bearer ${signed}.${signature.toString('base64url')}`;
    return this.#authorization;
  }
}

/** Whether a token's time of issue can cause this reason of status 403; {@link ProviderToken.refresh} may help then. */
export function isTokenRefusal(reason: string): boolean {
  return reason === 'ExpiredProviderToken' || reason === 'InvalidProviderToken';
}

/** Whether the two clocks have advanced differently since `then`: the wall clock was set, or the machine slept. */
function hasBeenSet(then: Moment, now: Moment): boolean {
  return Math.abs(now.wall - then.wall - (now.monotonic - then.monotonic)) > MAX_SKEW_MS;
}

function encodeJson(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function readId(name: 'keyId' | 'teamId', value: string, where: string): string {
  if (typeof value !== 'string') throw invalidOption(`providerToken.${name}`, 'a string', value);
  const problem = appleIdProblem(value);
  if (problem === undefined) return value;
  throw badCredentials(`providerToken.${name} ${problem}: take it from ${where}`);
}

const KEY = {
  path: 'providerToken.key',
  advice: 'give the contents of the .p8 file, not its path',
  instead:
    'give the .p8 key for APNs unchanged, as Apple issued it; a client certificate belongs in tls.cert and tls.key',
} as const;

function readKey(value: Pem): KeyObject {
  const [{ key }] = readPrivateKeys(KEY, value) as [PrivateKey];
  const { namedCurve } = key.asymmetricKeyDetails!;
  if (namedCurve === 'prime256v1') return key;
  throw badCredentials(
    `providerToken.key must be an EC key on the curve P-256, got ${namedCurve ?? key.asymmetricKeyType}: give the .p8 key for APNs, not the key of a certificate`,
  );
}
