/**
 * Sends occasional requests over one HTTP/2 connection. It uses `node:http2`, and loads that module only with the
 * first request, because sending notifications does not need it.
 *
 *     idle ──request()──▶ dialling ──▶ connected ──GOAWAY, end, failure, timeout──▶ idle
 */
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { closedAfterHandshake, closedError } from '../connection/connection-error.js';
import { dial } from '../connection/dial.js';
import { toApnsError } from '../connection/node-error.js';
import { PeerTimeout } from '../connection/peer-timeout.js';
import type { Target } from '../connection/target.js';
import { ApnsError, formatPeer } from '../core/errors.js';
import { Http2ErrorCode } from '../protocol/http2/error-code.js';

/** The maximum size of a response body. */
const MAX_BODY_BYTES = 1024 * 1024;

/** The maximum number of attempts for a request that the peer refuses. */
const MAX_ATTEMPTS = 3;

/** How long the peer may take to close its side of a connection that is closed. */
const CLOSE_TIMEOUT_MS = 1000;

/** Options of an {@link Http2Client}. */
export interface Http2ClientOptions {
  readonly target: Target;
  /** The value of `:authority`. */
  readonly authority: string;
  /** Milliseconds from a request until its response. */
  readonly timeoutMs: number;
  /** An aborted signal ends all requests. */
  readonly signal: AbortSignal | undefined;
}

/** A complete response. */
export interface Http2Answer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Connection {
  readonly session: ClientHttp2Session;
  readonly socket: TLSSocket;
  /** Whether the peer has sent any HTTP/2 frame. */
  isProven: boolean;
}

/** See the file comment. */
export class Http2Client {
  readonly #options: Http2ClientOptions;
  #connection: Promise<Connection> | undefined;
  #underWay = 0;
  #isClosed = false;
  /** Resolves when no request is in flight; set only while `close()` waits. */
  #idle: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: Http2ClientOptions) {
    this.#options = options;
  }

  /**
   * Sends a request and waits for the whole response, whatever its status. It repeats the request only if the peer
   * has certainly not processed it: the peer refused the stream, or the connection had just ended.
   *
   * @throws {ApnsError} APNS_ERR_TIMEOUT, APNS_ERR_CLOSED, APNS_ERR_PACKET_TOO_LARGE for a body above 1 MiB, or the
   *   error of the connection
   */
  async request(headers: OutgoingHttpHeaders, body?: Buffer): Promise<Http2Answer> {
    const { target } = this.#options;
    if (this.#isClosed) throw closedError(target);
    this.#underWay++;
    try {
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        const answer = await this.#attempt(headers, body);
        if (answer !== undefined) return answer;
      }
      throw lostError(target, `refused the request ${MAX_ATTEMPTS} times`);
    } catch (error) {
      throw toApnsError(error, target);
    } finally {
      if (--this.#underWay === 0) this.#onIdle?.();
    }
  }

  /** Sends later requests on another connection. The open connection closes after its last response. */
  reconnect(): void {
    const connecting = this.#connection;
    this.#connection = undefined;
    connecting?.then(
      ({ session }) => session.close(),
      () => {},
    );
  }

  /** Takes no more requests, and closes the connection after the responses to those in flight. */
  async close(): Promise<void> {
    this.#isClosed = true;
    // `session.close()` would refuse requests that are not written yet.
    if (this.#underWay > 0) {
      this.#idle ??= new Promise((resolve) => {
        this.#onIdle = resolve;
      });
      await this.#idle;
    }
    const connection = await this.#connection?.catch(() => undefined);
    if (connection === undefined || connection.socket.closed) return;
    const { session, socket } = connection;
    session.close();
    const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS);
    await new Promise((resolve) => socket.once('close', resolve));
    clearTimeout(timer);
  }

  /** @returns `undefined` if the peer has not processed the request, so that it may be sent again */
  async #attempt(headers: OutgoingHttpHeaders, body: Buffer | undefined): Promise<Http2Answer | undefined> {
    this.#connection ??= this.#connect();
    const connecting = this.#connection;
    let answer: Http2Answer | undefined;
    let session: ClientHttp2Session | undefined;
    try {
      const connection = await connecting;
      session = connection.session;
      // A session that has ended in the meantime throws.
      if (!session.closed && !session.destroyed) answer = await this.#exchange(connection, headers, body);
      return answer;
    } finally {
      if (answer === undefined) {
        // The next attempt uses a new connection; the peer may still answer other requests on this one.
        this.#forget(connecting);
        session?.close();
      }
    }
  }

  #forget(connection: Promise<Connection>): void {
    if (this.#connection === connection) this.#connection = undefined;
  }

  async #connect(): Promise<Connection> {
    const { target, authority, signal } = this.#options;
    const { connect } = await import('node:http2');
    const socket = await dial(target, { ...(signal === undefined ? {} : { signal }), alpn: 'h2' });
    const session = connect(`https://${authority}`, {
      createConnection: () => socket,
      settings: { enablePush: false },
    });
    const connection = { session, socket, isProven: false };
    const connecting = this.#connection!;
    const onAbort = (): void => session.destroy(closedError(target, signal?.reason));
    signal?.addEventListener('abort', onAbort);
    session
      .on('remoteSettings', () => {
        connection.isProven = true;
      })
      // This fails all requests in flight; the next request connects again.
      .on('error', () => {})
      .on('close', () => {
        this.#forget(connecting);
        signal?.removeEventListener('abort', onAbort);
      });
    if (signal?.aborted) onAbort();
    return connection;
  }

  #exchange(
    connection: Connection,
    headers: OutgoingHttpHeaders,
    body: Buffer | undefined,
  ): Promise<Http2Answer | undefined> {
    const { target, timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const stream = connection.session.request(headers, { endStream: body === undefined });
      const chunks: Buffer[] = [];
      let bytes = 0;
      let answer: IncomingHttpHeaders | undefined;
      const timeout = new PeerTimeout(timeoutMs, () => stream.destroy(timeoutError(target, timeoutMs)));
      stream
        .on('response', (received) => {
          answer = received;
        })
        .on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes > MAX_BODY_BYTES) stream.destroy(tooLargeError(target));
        })
        .on('error', (error) =>
          stream.rstCode === Http2ErrorCode.REFUSED_STREAM ? resolve(undefined) : reject(error),
        )
        .on('close', () => {
          timeout.cancel();
          // A stream can close without a response or an error, and Node emits `end` for a truncated response too.
          if (answer === undefined || stream.rstCode !== Http2ErrorCode.NO_ERROR)
            reject(this.#lostError(connection));
          else
            resolve({ statusCode: Number(answer[':status']), headers: answer, body: Buffer.concat(chunks) });
        });
      if (body !== undefined) stream.end(body);
    });
  }

  #lostError({ isProven }: Connection): ApnsError {
    const { target } = this.#options;
    if (!isProven) return closedAfterHandshake(target);
    return lostError(target, 'ended the request without a response');
  }
}

function timeoutError(target: Target, timeoutMs: number): ApnsError {
  return new ApnsError('APNS_ERR_TIMEOUT', `${formatPeer(target)} did not respond within ${timeoutMs} ms`);
}

function tooLargeError(target: Target): ApnsError {
  return new ApnsError(
    'APNS_ERR_PACKET_TOO_LARGE',
    `${formatPeer(target)} responded with more than ${MAX_BODY_BYTES} bytes`,
  );
}

function lostError(target: Target, what: string): ApnsError {
  return new ApnsError('APNS_ERR_CONNECTION_LOST', `${formatPeer(target)} ${what}`);
}
