/**
 * Creates, reads, lists and deletes the channels of broadcasts (iOS 18), over a separate connection.
 *
 *     POST   /1/apps/<bundle id>/channels       {"message-storage-policy":0|1,"push-type":"LiveActivity"} → 201
 *     GET    /1/apps/<bundle id>/channels       → 200 {"message-storage-policy":0|1,"push-type":"LiveActivity"}
 *     GET    /1/apps/<bundle id>/all-channels   → 200 {"channels":["<channel id>", …]}
 *     DELETE /1/apps/<bundle id>/channels       → 204
 *
 * Source: Apple, "Sending channel management requests to APNs".
 */
import type { OutgoingHttpHeaders } from 'node:http2';
import { isTokenRefusal, ProviderToken, type ProviderTokenOptions } from '../connection/provider-token.js';
import { resolveTarget, TARGET_OPTION_NAMES, type TargetOptions } from '../connection/target.js';
import { ChannelError, invalidOption } from '../core/errors.js';
import { channelIdProblem, headerTextProblem } from '../core/notification-rules.js';
import { checkOptionNames, choiceOption, millisecondsOption, streamOptions } from '../core/options.js';
import { authorityOf } from '../engine/http2/options.js';
import { decodeReasonBody } from '../protocol/apns/reason.js';
import { parseHttpDate } from '../protocol/apns/retry-after.js';
import { type Http2Answer, Http2Client } from './http2-client.js';

/** Options of {@link createChannelManager}. The default `port` is 2196, or 2195 with the sandbox. */
export interface ChannelManagerOptions extends TargetOptions {
  /** The app's bundle identifier. */
  readonly topic: string;
  /** The key that signs provider tokens; without it, give a client certificate in `tls`. */
  readonly providerToken?: ProviderTokenOptions;
  /** Milliseconds until the response of each request. @default 60_000 */
  readonly timeoutMs?: number;
  /** An aborted signal ends all requests. */
  readonly signal?: AbortSignal;
}

/** The properties of a broadcast channel. */
export interface Channel {
  readonly channelId: string;
  /** Whether the service keeps the most recent message for devices that are offline. */
  readonly storesMessages: boolean;
}

/**
 * Manages the channels of one app. Every method rejects with a {@link ChannelError} if the service refuses the
 * request, and with another `ApnsError` if the connection fails. It never sends a request twice.
 */
export interface ChannelManager {
  /**
   * Creates a channel.
   *
   * @param options.storesMessages whether the service keeps the most recent message for offline devices @default false
   * @returns the id in base64: the `channelId` of broadcasts, to which the app's Live Activities subscribe
   */
  create(options?: { readonly storesMessages?: boolean }): Promise<string>;
  read(channelId: string): Promise<Channel>;
  /** The ids of all channels of the app. */
  list(): Promise<string[]>;
  /** Deletes a channel; its subscribers receive nothing more. */
  delete(channelId: string): Promise<void>;
  /** Waits for requests in flight, and closes the connection. You may call it again. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Apple reuses the ports of the binary protocol, but swaps them between the two hosts. */
const APPLE = {
  production: { host: 'api-manage-broadcast.push.apple.com', port: 2196 },
  sandbox: { host: 'api-manage-broadcast.sandbox.push.apple.com', port: 2195 },
} as const;

/** The only push type that has channels. */
const PUSH_TYPE = 'LiveActivity';

/**
 * Manages the broadcast channels of an app. It connects with the first request, keeps the connection, and
 * connects again if the connection has ended.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION or APNS_ERR_BAD_CREDENTIALS, at once
 */
export function createChannelManager(options: ChannelManagerOptions): ChannelManager {
  const names = [...TARGET_OPTION_NAMES, 'topic', 'providerToken', 'timeoutMs', 'signal'];
  checkOptionNames('options', options ?? null, names);
  const { topic, environment } = options;
  if (headerTextProblem(topic) !== undefined) throw invalidOption('topic', 'a bundle identifier', topic);
  const apple = APPLE[choiceOption('environment', environment, ['production', 'sandbox'], 'production')];
  const host = options.host ?? (environment === undefined ? undefined : apple.host);
  const target = resolveTarget(
    { ...options, ...(host === undefined ? {} : { host }), port: options.port ?? apple.port },
    'http2',
  );
  const client = new Http2Client({
    target,
    authority: authorityOf(target),
    timeoutMs: millisecondsOption('timeoutMs', options.timeoutMs, 60_000),
    signal: streamOptions(options, 'highWaterMark').signal,
  });
  const { providerToken: token } = options;
  return new Channels(client, topic, token === undefined ? undefined : new ProviderToken(token));
}

type Action = 'create' | 'read' | 'list' | 'delete';

/** The request of each action, and the status of its success. */
const REQUESTS = {
  create: { method: 'POST', resource: 'channels', statusCode: 201 },
  read: { method: 'GET', resource: 'channels', statusCode: 200 },
  list: { method: 'GET', resource: 'all-channels', statusCode: 200 },
  delete: { method: 'DELETE', resource: 'channels', statusCode: 204 },
} as const;

class Channels implements ChannelManager {
  readonly #client: Http2Client;
  readonly #topic: string;
  readonly #providerToken: ProviderToken | undefined;

  constructor(client: Http2Client, topic: string, providerToken: ProviderToken | undefined) {
    this.#client = client;
    this.#topic = topic;
    this.#providerToken = providerToken;
  }

  async create(options: { readonly storesMessages?: boolean } = {}): Promise<string> {
    checkOptionNames('options', options, ['storesMessages']);
    const { storesMessages = false } = options;
    if (typeof storesMessages !== 'boolean')
      throw invalidOption('storesMessages', 'a boolean', storesMessages);
    const config = { 'message-storage-policy': storesMessages ? 1 : 0, 'push-type': PUSH_TYPE };
    const { headers } = await this.#ask('create', {}, Buffer.from(JSON.stringify(config)));
    const channelId = headers['apns-channel-id'];
    if (typeof channelId !== 'string') throw strangeAnswer('create', 'without apns-channel-id');
    return channelId;
  }

  async read(channelId: string): Promise<Channel> {
    const { body } = await this.#ask('read', channelHeader(channelId));
    const { 'message-storage-policy': policy } = parseObject(body);
    if (policy !== 0 && policy !== 1) throw strangeAnswer('read', 'without a message-storage-policy');
    return { channelId, storesMessages: policy === 1 };
  }

  async list(): Promise<string[]> {
    const { body } = await this.#ask('list', {});
    const { channels } = parseObject(body);
    if (!Array.isArray(channels) || !channels.every((id): id is string => typeof id === 'string'))
      throw strangeAnswer('list', 'without a list of channels');
    return channels;
  }

  async delete(channelId: string): Promise<void> {
    await this.#ask('delete', channelHeader(channelId));
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #ask(action: Action, headers: OutgoingHttpHeaders, body?: Buffer): Promise<Http2Answer> {
    const authorization = this.#providerToken?.authorization();
    const { method, resource, statusCode } = REQUESTS[action];
    const answer = await this.#client.request(
      {
        ':method': method,
        ':path': `/1/apps/${encodeURIComponent(this.#topic)}/${resource}`,
        ...(authorization === undefined ? {} : { authorization }),
        ...headers,
      },
      body,
    );
    if (answer.statusCode === statusCode) return answer;
    const { reason = 'Unknown' } = decodeReasonBody(answer.body);
    if (this.#reauthorize(authorization, reason, answer)) return this.#ask(action, headers, body);
    throw new ChannelError(action, answer.statusCode, reason);
  }

  /** Whether another provider token has replaced the refused one, so that a second request can succeed. */
  #reauthorize(authorization: string | undefined, reason: string, { headers }: Http2Answer): boolean {
    const token = this.#providerToken;
    if (token === undefined || authorization === undefined) return false;
    const serverMs = headers.date === undefined ? undefined : parseHttpDate(headers.date);
    if (serverMs !== undefined) token.noteServerDate(serverMs);
    if (!isTokenRefusal(reason)) return false;
    const refresh = token.refresh(authorization);
    if (refresh === 'reissued') this.#client.reconnect();
    return refresh !== 'kept';
  }
}

function channelHeader(channelId: string): OutgoingHttpHeaders {
  if (channelIdProblem(channelId) === undefined) return { 'apns-channel-id': channelId };
  throw invalidOption('channelId', 'the base64 text that create() returned', channelId);
}

function strangeAnswer(action: Action, what: string): ChannelError {
  return new ChannelError(action, REQUESTS[action].statusCode, 'Unknown', what);
}

function parseObject(json: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json.toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
