/**
 * The devices behind the simulator, shared by all its wires. Every well-formed token is a device that
 * takes whatever is sent to it, until it is said to be otherwise.
 */
import { ApnsError } from '../core/errors.js';
import {
  deviceTokenProblem,
  expirationProblem,
  expirationSeconds,
  headerTextProblem,
} from '../core/notification-rules.js';
import type { FeedbackTuple } from '../protocol/binary/feedback-tuple.js';

/**
 * `invalid`: never was a token of this environment. `unregistered`: the app was removed from the device. `expired`: the
 * token is too old.
 */
export type DeviceState = 'registered' | 'unregistered' | 'expired' | 'invalid';

/** Device tokens are hex in either case; those given back are lower case. */
export class DeviceRegistry {
  readonly #unregistered = new Map<string, number>();
  /** Unregistered devices whose token has expired. */
  readonly #expired = new Set<string>();
  readonly #invalid = new Set<string>();
  readonly #topics = new Map<string, string>();
  #feedback = new Map<string, number>();

  /**
   * Says that the app is gone from a device, and lists it for the feedback service. From now on the binary
   * gateway takes a notification for it in silence and lists it again; HTTP/2 answers 410 Unregistered.
   *
   * @param since UNIX seconds or a `Date`. @default now
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION
   */
  unregister(deviceToken: string, since: number | Date = new Date()): void {
    const token = checkToken(deviceToken);
    const problem = expirationProblem(since);
    if (problem !== undefined) throw new ApnsError('APNS_ERR_INVALID_OPTION', `since ${problem}`);
    const timestamp = expirationSeconds(since);
    this.#invalid.delete(token);
    this.#expired.delete(token);
    this.#unregistered.set(token, timestamp);
    this.#feedback.set(token, timestamp);
  }

  /**
   * Marks a token as expired: HTTP/2 then responds with 410 ExpiredToken. The binary wire has no such reason; there the
   * token behaves as after {@link unregister}.
   *
   * @param since UNIX seconds or a `Date`. @default now
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION
   */
  expire(deviceToken: string, since?: number | Date): void {
    this.unregister(deviceToken, since);
    this.#expired.add(checkToken(deviceToken));
  }

  /**
   * Says that a token is none of this environment: InvalidToken (8) and 400 BadDeviceToken.
   *
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION
   */
  invalidate(deviceToken: string): void {
    const token = checkToken(deviceToken);
    this.#unregistered.delete(token);
    this.#expired.delete(token);
    this.#invalid.add(token);
  }

  /**
   * Makes a token valid again. Its pending entries stay on the list of the feedback service.
   *
   * @param topic the app that the token is of: over HTTP/2, 400 DeviceTokenNotForTopic for every other.
   *   @default whatever is sent
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION
   */
  register(deviceToken: string, topic?: string): void {
    const token = checkToken(deviceToken);
    const problem = topic === undefined ? undefined : headerTextProblem(topic);
    if (problem !== undefined) throw new ApnsError('APNS_ERR_INVALID_OPTION', `topic ${problem}`);
    if (topic === undefined) this.#topics.delete(token);
    else this.#topics.set(token, topic);
    this.#unregistered.delete(token);
    this.#expired.delete(token);
    this.#invalid.delete(token);
  }

  /** The state of a lower-case token. An unknown token is registered. */
  stateOf(token: string): DeviceState {
    if (this.#unregistered.has(token)) return this.#expired.has(token) ? 'expired' : 'unregistered';
    return this.#invalid.has(token) ? 'invalid' : 'registered';
  }

  /** The time, in UNIX seconds, at which a lower-case token was unregistered or expired, or `undefined`. */
  unregisteredSince(token: string): number | undefined {
    return this.#unregistered.get(token);
  }

  /** The app's topic that a lower-case token was registered for, or `undefined`. */
  topicOf(token: string): string | undefined {
    return this.#topics.get(token);
  }

  /** The number of tuples that the feedback service would send now. */
  get feedbackCount(): number {
    return this.#feedback.size;
  }

  /** Lists an unregistered, lower-case token for the feedback service because something was sent to it. */
  reportUndelivered(token: string): void {
    const since = this.#unregistered.get(token);
    if (since !== undefined) this.#feedback.set(token, since);
  }

  /** Clears the feedback list at once, and yields what was in it, oldest entry first. */
  takeFeedback(): IterableIterator<FeedbackTuple> {
    const taken = this.#feedback;
    this.#feedback = new Map();
    return tuplesOf(taken);
  }
}

function* tuplesOf(list: ReadonlyMap<string, number>): IterableIterator<FeedbackTuple> {
  for (const [deviceToken, timestamp] of list) yield { deviceToken, timestamp };
}

function checkToken(deviceToken: string): string {
  const problem = deviceTokenProblem(deviceToken);
  if (problem === undefined) return deviceToken.toLowerCase();
  throw new ApnsError('APNS_ERR_INVALID_OPTION', `deviceToken ${problem}`);
}
