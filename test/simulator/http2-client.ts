/** A client on node:http2, which knows nothing of this package's own framing. */
import { randomUUID, sign } from 'node:crypto';
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { onTestFinished } from 'vitest';
import type { Simulator, SimulatorCredentials } from '../../src/simulator/index.js';

/** What came back for one request. */
export interface Http2Response {
  /** 0 where there was none. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** RST_STREAM's error code, 0 for none. */
  readonly rstCode: number;
  /** The statuses of responses before the final one. */
  readonly interim: readonly number[];
  readonly trailers: Readonly<Record<string, string>> | undefined;
}

interface GoawayFrame {
  readonly code: number;
  readonly lastStreamId: number;
  readonly debugData: string;
}

/** A session, and what was seen on it. */
export interface Http2Client {
  readonly session: ClientHttp2Session;
  readonly goaways: readonly GoawayFrame[];
  readonly closed: Promise<void>;
  /** Sends; never rejects. */
  request(headers: Record<string, string | string[]>, body?: string | Buffer): Promise<Http2Response>;
  /** A notification for `deviceToken` with headers that are in order, and those given. */
  notify(
    deviceToken: string,
    headers?: Record<string, string | string[]>,
    body?: string | Buffer,
  ): Promise<Http2Response>;
}

export interface ClientOptions {
  /** @default a good one of the simulator; `null` for none */
  readonly token?: string | null;
  /** Whether the client certificate is presented. @default false */
  readonly certificate?: boolean | { readonly cert: string; readonly key: string };
}

/** The value of `authorization` with a provider token that is good, but for what is changed. */
export function bearer(
  { providerKey, keyId, teamId }: SimulatorCredentials,
  changes: {
    readonly iat?: unknown;
    readonly kid?: string;
    readonly iss?: string;
    readonly key?: string;
    readonly dsaEncoding?: 'der' | 'ieee-p1363';
  } = {},
): string {
  const { iat = Math.floor(Date.now() / 1000), kid = keyId, iss = teamId, key = providerKey } = changes;
  const encode = (object: object): string => Buffer.from(JSON.stringify(object)).toString('base64url');
  const text = `${encode({ alg: 'ES256', kid })}.${encode({ iss, iat })}`;
  const signature = sign('sha256', Buffer.from(text), {
    key,
    dsaEncoding: changes.dsaEncoding ?? 'ieee-p1363',
  });
  return `bearer ${text}.${signature.toString('base64url')}`;
}

/** Connects, and waits for SETTINGS. */
export async function connectHttp2(simulator: Simulator, options: ClientOptions = {}): Promise<Http2Client> {
  const client = openHttp2(simulator, options);
  await new Promise((resolve) => {
    client.session.once('remoteSettings', resolve).once('close', resolve);
  });
  return client;
}

/** Connects, and waits for nothing. */
export function openHttp2(simulator: Simulator, options: ClientOptions = {}): Http2Client {
  const { credentials } = simulator;
  const { host, port } = simulator.http2;
  const { token = bearer(credentials), certificate = false } = options;
  const pair = certificate === true ? credentials : certificate;
  const session = http2.connect(`https://${host}:${port}`, {
    ca: credentials.ca,
    ...(pair === false ? {} : { cert: pair.cert, key: pair.key }),
  });
  const goaways: GoawayFrame[] = [];
  session.on('error', () => {});
  session.on('goaway', (code, lastStreamId, debugData) => {
    goaways.push({ code, lastStreamId, debugData: Buffer.from(debugData ?? []).toString() });
  });
  const closed = new Promise<void>((resolve) => session.once('close', resolve));
  onTestFinished(() => session.destroy());
  const request: Http2Client['request'] = (headers, body) => {
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(headers);
    } catch {
      return Promise.resolve(NO_RESPONSE);
    }
    const answer = collect(stream);
    if (body === undefined) stream.end();
    else stream.end(body);
    return answer;
  };
  const base = {
    ':method': 'POST',
    'apns-topic': credentials.topic,
    'apns-push-type': 'alert',
    ...(token === null ? {} : { authorization: token }),
  };
  return {
    session,
    goaways,
    closed,
    request: (headers, body) =>
      request({ ...(token === null ? {} : { authorization: token }), ...headers }, body),
    notify: (deviceToken, headers = {}, body = '{"aps":{}}') =>
      request({ ...base, 'apns-id': randomUUID(), ':path': `/3/device/${deviceToken}`, ...headers }, body),
  };
}

const NO_RESPONSE: Http2Response = {
  status: 0,
  headers: {},
  body: '',
  rstCode: 0,
  interim: [],
  trailers: undefined,
};

/** What a stream brings, told when it is closed. */
export function collect(stream: ClientHttp2Stream): Promise<Http2Response> {
  let headers: Record<string, string> = {};
  let trailers: Record<string, string> | undefined;
  const interim: number[] = [];
  const chunks: Buffer[] = [];
  stream.on('error', () => {});
  stream.on('response', (received) => {
    headers = received as unknown as Record<string, string>;
  });
  stream.on('headers', (received) => interim.push(Number(received[':status'])));
  stream.on('trailers', (received) => {
    trailers = received as Record<string, string>;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    stream.once('close', () =>
      resolve({
        status: Number(headers[':status'] ?? 0),
        headers,
        body: Buffer.concat(chunks).toString(),
        rstCode: stream.rstCode ?? 0,
        interim,
        trailers,
      }),
    );
  });
}
