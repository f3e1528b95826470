/** The broadcast channels behind the simulator: Apple, "Sending channel management requests to APNs". */
import { randomBytes } from 'node:crypto';
import { invalidOption } from '../core/errors.js';
import { choiceOption } from '../core/options.js';

/** 0: nothing is stored for devices that are away. 1: the most recent message is. */
export type MessageStoragePolicy = 0 | 1;

/** Apple: an app has at most 10,000 channels. */
const MAX_CHANNELS = 10_000;

/** Channels by app. Apple's ids are base64; so are these. */
export class ChannelRegistry {
  readonly #apps = new Map<string, Map<string, MessageStoragePolicy>>();

  /**
   * Makes a channel, as a POST to `/1/apps/<bundleId>/channels` would.
   *
   * @returns its id, or `undefined` where the app has as many as it can have
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION
   */
  create(bundleId: string, policy: MessageStoragePolicy = 0): string | undefined {
    if (typeof bundleId !== 'string' || bundleId === '')
      throw invalidOption('bundleId', 'a non-empty string', bundleId);
    const channels = this.#apps.get(bundleId) ?? new Map<string, MessageStoragePolicy>();
    if (channels.size >= MAX_CHANNELS) return undefined;
    const id = randomBytes(16).toString('base64');
    channels.set(id, choiceOption('policy', policy, [0, 1], 0));
    this.#apps.set(bundleId, channels);
    return id;
  }

  /** Whether a channel stores messages, or `undefined` where the app has no such channel. */
  policyOf(bundleId: string, channelId: string): MessageStoragePolicy | undefined {
    return this.#apps.get(bundleId)?.get(channelId);
  }

  /** The ids of an app's channels, oldest first. */
  list(bundleId: string): readonly string[] {
    return [...(this.#apps.get(bundleId)?.keys() ?? [])];
  }

  /** Deletes a channel; returns whether it existed. */
  delete(bundleId: string, channelId: string): boolean {
    return this.#apps.get(bundleId)?.delete(channelId) ?? false;
  }
}
