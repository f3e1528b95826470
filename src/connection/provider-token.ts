/**
 * The provider token: a JSON Web Token, signed with ES256, that stands in for a client certificate.
 *
 *     base64url({"alg":"ES256","kid":keyId}) . base64url({"iss":teamId,"iat":UNIX seconds}) . base64url(r ‖ s)
 *
 * Source: Apple, "Establishing a token-based connection to APNs". APNs refuses a token that is older than an
 * hour (ExpiredProviderToken), and a second new token on one connection within 20 minutes
 * (TooManyProviderTokenUpdates). RFC 7518, section 3.4: the signature is the two numbers as they are, not DER.
 */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { inspect } from 'node:util';
import { ApnsError, describe, invalidOption } from '../errors.js';
import { checkOptionNames } from '../options.js';

/** With what provider tokens are made. All of it is given out at developer.apple.com, under Keys. */
export interface ProviderTokenOptions {
  /** The private key, PEM: the contents of the file `AuthKey_<keyId>.p8`, not its path. */
  readonly key: string | Uint8Array;
  /** The key's id, 10 letters and digits; it is in the file's name. */
  readonly keyId: string;
  /** The id of the team that the key belongs to, 10 letters and digits. */
  readonly teamId: string;
}

const KNOWN = ['key', 'keyId', 'teamId'] satisfies (keyof ProviderTokenOptions)[];

const MINUTE_MS = 60_000;

/** Apple: "Refresh your token no more than once every 20 minutes". */
const MIN_AGE_MS = 20 * MINUTE_MS;

/**
 * "… and no less than once every 60 minutes." Ten minutes of that are left to requests that are already
 * written and to clocks that differ. Without jitter: a token is nobody else's business, so nobody is met.
 */
const REFRESH_AGE_MS = 50 * MINUTE_MS;

/** A `date` header has whole seconds and is as old as the response; a smaller difference says nothing. */
const MAX_SKEW_MS = MINUTE_MS;

const ID = /^[A-Za-z0-9]{10}$/;

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
  readonly #now: () => number;
  #authorization: string | undefined;
  /** This machine's time at which the token was made. */
  #madeAt = 0;
  /** Its `iat`, in milliseconds: the same, unless the clock was known to be wrong. */
  #issuedAt = 0;
  /** Whether the server's time was known when it was made. */
  #madeKnowing = false;
  #skewMs: number | undefined;

  /**
   * @param now UNIX milliseconds
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION for options of the wrong type or name
   * @throws {ApnsError} APNS_ERR_BAD_CREDENTIALS for an id of another form, and for a key that cannot be
   *   read or is no private key on the curve P-256
   */
  constructor(options: ProviderTokenOptions, now: () => number = Date.now) {
    checkOptionNames('providerToken', options ?? null, KNOWN);
    const { key, keyId, teamId } = options;
    this.#key = readKey(key);
    this.#header = encodeJson({ alg: 'ES256', kid: readId('keyId', keyId, 'the file name of the .p8 key') });
    this.#teamId = readId('teamId', teamId, 'the membership details at developer.apple.com');
    this.#now = now;
  }

  /**
   * `bearer <provider token>`, the very same string until the token is 50 minutes old; then one with a new
   * token.
   */
  get authorization(): string {
    return this.#authorization !== undefined && !this.#isDue(this.#now())
      ? this.#authorization
      : this.#make();
  }

  /**
   * To be called when a request that was sent with the value `expired` is answered ExpiredProviderToken.
   *
   * A token that the server has not accepted for its time, made before the server's time was known, is
   * replaced at once; any other not before it is 20 minutes old.
   *
   * @returns whether {@link authorization} is another one now, so that the request can be sent again; `false`
   *   means that it must not change yet, and that sending again would only be refused again
   */
  refresh(expired: string): boolean {
    // Many requests are under way with one token, and each of them is refused.
    if (this.#authorization !== expired) return true;
    const elapsed = this.#elapsed(this.#now());
    const wrongFromTheStart = !this.#madeKnowing && this.#correctionMs !== 0;
    if (elapsed < MIN_AGE_MS && !wrongFromTheStart) return false;
    this.#make();
    return true;
  }

  /**
   * Takes note of a response's `date` header. When it differs from this machine's clock by more than a
   * minute, the tokens to come are issued by the server's time.
   *
   * @param serverMs UNIX milliseconds
   */
  noteServerDate(serverMs: number): void {
    if (Number.isFinite(serverMs)) this.#skewMs = serverMs - this.#now();
  }

  /**
   * How far the server's clock is ahead of this machine's, in milliseconds; negative when it is behind,
   * `undefined` as long as no response has told. It includes the time the response took, and is coarse by a
   * second. Beyond a minute it explains most refusals of a provider token.
   */
  get clockSkewMs(): number | undefined {
    return this.#skewMs;
  }

  static {
    // `util.inspect` with `getters` would ask for the token.
    Object.defineProperty(ProviderToken.prototype, inspect.custom, { value: () => 'ProviderToken {}' });
  }

  get #correctionMs(): number {
    const skew = this.#skewMs ?? 0;
    return Math.abs(skew) > MAX_SKEW_MS ? skew : 0;
  }

  /** Since the token was made. A clock that was set, in either direction, counts as time that has passed. */
  #elapsed(now: number): number {
    return Math.abs(now - this.#madeAt);
  }

  #isDue(now: number): boolean {
    const elapsed = this.#elapsed(now);
    if (elapsed >= REFRESH_AGE_MS) return true;
    // Older in the server's eyes than in ours.
    return elapsed >= MIN_AGE_MS && now + this.#correctionMs - this.#issuedAt >= REFRESH_AGE_MS;
  }

  #make(): string {
    this.#madeAt = this.#now();
    this.#issuedAt = this.#madeAt + this.#correctionMs;
    this.#madeKnowing = this.#skewMs !== undefined;
    const claims = encodeJson({ iss: this.#teamId, iat: Math.floor(this.#issuedAt / 1000) });
    const signed = `${this.#header}.${claims}`;
    const signature = sign('sha256', Buffer.from(signed), { key: this.#key, dsaEncoding: 'ieee-p1363' });
    this.#authorization = `bearer ${signed}.${signature.toString('base64url')}`;
    return this.#authorization;
  }
}

function encodeJson(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function readId(name: 'keyId' | 'teamId', value: string, where: string): string {
  if (typeof value !== 'string') throw invalidOption(`providerToken.${name}`, 'a string', value);
  if (ID.test(value)) return value;
  throw badKey(
    `providerToken.${name} must be 10 letters and digits, got ${describe(value)}: take it from ${where}`,
  );
}

function readKey(value: string | Uint8Array): KeyObject {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw invalidOption('providerToken.key', 'PEM as a string or bytes', value);
  }
  const pem = typeof value === 'string' ? value : Buffer.from(value).toString();
  if (!pem.includes('-----BEGIN ')) {
    throw badKey(
      'providerToken.key is not PEM: it has no "-----BEGIN" line; give the contents of the .p8 file, not its path',
    );
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw badKey(`providerToken.key ${unreadable(pem)}: give the .p8 file as Apple made it`, cause);
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return key;
  throw badKey(
    `providerToken.key must be an EC key on the curve P-256, got ${type === 'ec' ? details?.namedCurve : type}: give the .p8 key for APNs, not the key of a certificate`,
  );
}

function unreadable(pem: string): string {
  if (pem.includes('\\n')) return 'has the two characters \\n where its lines should end';
  if (pem.includes('ENCRYPTED')) return 'is encrypted';
  if (!pem.includes('PRIVATE KEY-----')) return 'is no private key';
  return 'holds no private key that can be read';
}

function badKey(message: string, cause?: unknown): ApnsError {
  return new ApnsError('APNS_ERR_BAD_CREDENTIALS', message, cause === undefined ? undefined : { cause });
}
