/**
 * One request of the HTTP/2 side, and what becomes of it: it is settled once, as accepted, rejected, refused
 * or discarded. Whether the answer can be written is another question.
 */
import { randomUUID } from 'node:crypto';
import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { MAX_RECORDED_TEXT, type RecordFields } from '../accepted-record.js';
import { type BodyKind, contentType, JSON_TYPE, type Rejection, rejectionBody } from '../rejection.js';
import type { ConnectionTally } from '../simulator-counts.js';
import type { SimulatorState } from '../simulator-state.js';
import { type AnswerForm, writeAnswer } from './answer.js';
import type { Http2FaultState } from './faults.js';
import { isApnsId, isDevicePath, textOf } from './notification-head.js';

/** Options for an unusual response. */
export interface ExchangeForm extends AnswerForm {
  readonly bodyKind?: BodyKind;
  /** Whether the response lacks `apns-id`. */
  readonly withoutId?: boolean;
}

/** The parts of its connection that an exchange uses. */
export interface ExchangeHost {
  readonly context: {
    readonly state: SimulatorState;
    readonly faults: Http2FaultState;
    /** Whether responses carry `apns-unique-id`, as those of the sandbox do. */
    readonly uniqueId: boolean;
  };
  readonly tally: ConnectionTally;
  /** To be called when a response is written. */
  onAnswer(exchange: ProviderExchange): void;
  /** To be called when a notification was accepted. */
  onAccepted(): void;
  /** To be called when a notification was rejected. */
  onRejected(): void;
}

/** A request and its response. The comment at the top of the file has details. */
export class ProviderExchange {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  /** Whether the body is complete. */
  isWhole = false;
  /** Whether its connection was sick when it arrived. */
  isSick = false;
  bodyBytes = 0;
  readonly #connection: ExchangeHost;
  readonly #rawHeaders: readonly string[];
  /** Absent if the request is a broadcast or a channel request without this header. */
  readonly #apnsId: string | undefined;
  /** Absent if the request is a notification to a device without this header. */
  readonly #requestId: string | undefined;
  #chunks: Buffer[] = [];
  #isSettled = false;

  /** @param rawHeaders names and values in turn, as they came */
  constructor(
    connection: ExchangeHost,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
  ) {
    this.stream = stream;
    this.headers = headers;
    this.path = headers[':path'] ?? '';
    this.#connection = connection;
    this.#rawHeaders = rawHeaders;
    const apnsId = textOf(headers, 'apns-id');
    const requestId = textOf(headers, 'apns-request-id');
    // Each type of request has an id that APNs creates if the client does not.
    const isForDevice = isDevicePath(this.path);
    this.#apnsId = apnsId !== undefined && isApnsId(apnsId) ? apnsId : isForDevice ? randomUUID() : undefined;
    this.#requestId = requestId ?? (isForDevice ? undefined : randomUUID());
  }

  get id(): number {
    return this.stream.id ?? 0;
  }

  /** Whether it has been counted. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** The names of the headers as they came, repetitions included. */
  get names(): readonly string[] {
    return this.#rawHeaders.filter((_text, index) => index % 2 === 0);
  }

  get body(): Buffer {
    return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
  }

  addBody(chunk: Buffer): void {
    this.bodyBytes += chunk.length;
    this.#chunks.push(chunk);
  }

  /** Accepts a notification or a broadcast: records it, and answers 200. */
  accept(fields: RecordFields, form: ExchangeForm = {}): void {
    if (!this.#settle()) return;
    const connection = this.#connection;
    const { state, uniqueId } = connection.context;
    state.accept('http2', connection.tally, {
      ...fields,
      ...(this.#apnsId === undefined ? {} : { apnsId: this.#apnsId }),
      ...(this.#requestId === undefined ? {} : { requestId: this.#requestId.slice(0, MAX_RECORDED_TEXT) }),
    });
    // APNs sends it for a broadcast in both environments, and for a notification to a device in the sandbox only.
    const unique = uniqueId || fields.channelId !== undefined ? { 'apns-unique-id': randomUUID() } : {};
    this.answer(200, form, unique);
    connection.onAccepted();
  }

  reject(rejection: Rejection, form: ExchangeForm = {}): void {
    if (!this.#settle()) return;
    const { tally, context } = this.#connection;
    const { faults } = context;
    const { statusCode, retryAfterSeconds } = rejection;
    tally.add('rejected');
    const bodyKind = form.bodyKind ?? faults.active.bodyKind;
    const headers = {
      ...contentType(bodyKind),
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    };
    this.answer(statusCode, form, headers, rejectionBody(rejection, bodyKind));
    this.#connection.onRejected();
  }

  /** Refuses the request with REFUSED_STREAM: it was not processed, so the client may retry. */
  refuse(): void {
    if (!this.#settle()) return;
    this.#connection.tally.add('refused');
    this.stream.close(constants.NGHTTP2_REFUSED_STREAM);
  }

  /** Counts the request as discarded: it gets no response. */
  discard(): void {
    if (this.#settle()) this.#connection.tally.add('discarded');
  }

  /** Resets the stream with INTERNAL_ERROR and discards the request. */
  fail(): void {
    this.discard();
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  /** Settles a request that is not a notification and is not counted. */
  answerManagement(statusCode: number, headers: OutgoingHttpHeaders, body: Buffer | undefined): void {
    const type = body === undefined ? {} : { 'content-type': JSON_TYPE };
    if (this.#settle()) this.answer(statusCode, {}, { ...type, ...headers }, body);
  }

  /** Writes a response, unless the exchange already has one or its stream is closed. */
  answer(
    statusCode: number,
    form: ExchangeForm = {},
    headers: OutgoingHttpHeaders = {},
    body: Buffer = Buffer.alloc(0),
  ): void {
    const { faults } = this.#connection.context;
    this.#connection.onAnswer(this);
    const all = {
      ':status': statusCode,
      ...(form.withoutId || this.#apnsId === undefined ? {} : { 'apns-id': this.#apnsId }),
      ...(this.#requestId === undefined ? {} : { 'apns-request-id': this.#requestId }),
      // Without this header, node:http2 would add its own date.
      ...(faults.active.clockSkewMs === 0 ? {} : { date: new Date(faults.now).toUTCString() }),
      ...headers,
    };
    writeAnswer(this.stream, all, body, form);
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    return true;
  }
}
