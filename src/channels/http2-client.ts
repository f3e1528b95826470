/**
 * Single requests over HTTP/2, one connection for all of them: for what is asked for seldom. Notifications go
 * their own way, without `node:http2`, which is loaded here with the first request and not before.
 *
 *     idle ──request()──▶ dialling ──▶ connected ──GOAWAY, end, failure, timeout──▶ idle
 */
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { closedAfterHandshake } from '../connection/connection-error.js';
import { dial } from '../connection/dial.js';
import { toApnsError } from '../connection/node-error.js';
import { PeerTimeout } from '../connection/peer-timeout.js';
import type { Target } from '../connection/target.js';
import { ApnsError, formatPeer } from '../core/errors.js';

/** Beyond it the rest of an answer is not waited for. */
const MAX_BODY_BYTES = 1024 * 1024;

/** RFC 9113, section 7: the code of a stream that ended as it should. */
const NO_ERROR = 0x0;

/** RFC 9113, section 8.7: such a request was not processed, and may be sent again. */
const REFUSED_STREAM = 0x7;

/** Of a request that is refused again and again. */
const MAX_ATTEMPTS = 3;

/** How long the peer may take to close its side of a connection that is closed. */
const GOODBYE_MS = 1000;

/** Where an {@link Http2Client} asks, and how long it waits. */
export interface Http2ClientOptions {
  readonly target: Target;
  /** The value of `:authority`. */
  readonly authority: string;
  /** Milliseconds for an answer, counted from its request. */
  readonly timeoutMs: number;
  /** Ends everything. */
  readonly signal: AbortSignal | undefined;
}

/** What came back. */
export interface Http2Answer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Connection {
  readonly session: ClientHttp2Session;
  readonly socket: TLSSocket;
  /** Whether the peer has said anything in HTTP/2. */
  isProven: boolean;
}

/** See the file comment. */
export class Http2Client {
  readonly #options: Http2ClientOptions;
  #connection: Promise<Connection> | undefined;
  #underWay = 0;
  #isClosed = false;
  /** Resolves when nothing is under way any more; there when somebody waits for that. */
  #idle: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: Http2ClientOptions) {
    this.#options = options;
  }

  /**
   * Sends a request and waits for the whole answer, whatever its status. It is sent again only where it was
   * certainly not processed: refused, or on a connection that had just ended.
   *
   * @throws {ApnsError} why there is none: APNS_ERR_TIMEOUT, APNS_ERR_CLOSED, APNS_ERR_PACKET_TOO_LARGE beyond
   *   1 MiB, or what became of the connection
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

  /** Takes no more requests, and closes the connection when those under way are answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    // Not left to `session.close()`, which refuses requests that are not written yet.
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
    const timer = setTimeout(() => socket.destroy(), GOODBYE_MS);
    await new Promise((resolve) => socket.once('close', resolve));
    clearTimeout(timer);
  }

  /** @returns nothing where the request was not processed and may be sent again */
  async #attempt(headers: OutgoingHttpHeaders, body: Buffer | undefined): Promise<Http2Answer | undefined> {
    this.#connection ??= this.#connect();
    const connecting = this.#connection;
    let answer: Http2Answer | undefined;
    let session: ClientHttp2Session | undefined;
    try {
      const connection = await connecting;
      session = connection.session;
      // One that ended meanwhile refuses with an exception.
      if (!session.closed && !session.destroyed) answer = await this.#exchange(connection, headers, body);
      return answer;
    } finally {
      if (answer === undefined) {
        // The next attempt gets a connection of its own; other requests on this one may still be answered.
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
      // Every request under way is told, and the next one connects.
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
        .on('error', (error) => (stream.rstCode === REFUSED_STREAM ? resolve(undefined) : reject(error)))
        .on('close', () => {
          timeout.cancel();
          // A stream can close without an answer or an error, and Node ends an answer that was cut off like a whole one.
          if (answer === undefined || stream.rstCode !== NO_ERROR) reject(this.#lostError(connection));
          else
            resolve({ statusCode: Number(answer[':status']), headers: answer, body: Buffer.concat(chunks) });
        });
      if (body !== undefined) stream.end(body);
    });
  }

  #lostError({ isProven }: Connection): ApnsError {
    const { target } = this.#options;
    if (!isProven) return closedAfterHandshake(target);
    return lostError(target, 'ended the request without an answer');
  }
}

function closedError(target: Target, cause?: unknown): ApnsError {
  return new ApnsError('APNS_ERR_CLOSED', `the connection to ${formatPeer(target)} was given up`, { cause });
}

function timeoutError(target: Target, timeoutMs: number): ApnsError {
  return new ApnsError('APNS_ERR_TIMEOUT', `${formatPeer(target)} did not answer within ${timeoutMs} ms`);
}

function tooLargeError(target: Target): ApnsError {
  return new ApnsError(
    'APNS_ERR_PACKET_TOO_LARGE',
    `${formatPeer(target)} answered with more than ${MAX_BODY_BYTES} bytes`,
  );
}

function lostError(target: Target, what: string): ApnsError {
  return new ApnsError('APNS_ERR_CONNECTION_LOST', `${formatPeer(target)} ${what}`);
}
