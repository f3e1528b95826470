/**
 * Every error that this package throws or emits. This is the only place that defines the meaning of each code.
 *
 * A gateway's rejection of a notification is data (an outcome), never an exception, and a code that a
 * gateway sent is never found in `error.code`: that property always holds one of {@link ApnsErrorCode}.
 */

import { printable, redactReason, redactTokens } from './redact.js';

/** The codes of {@link ApnsError}; `docs/errors.md` has a heading for each. */
export type ApnsErrorCode =
  /** An option is missing, unknown, of the wrong type or out of range. */
  | 'APNS_ERR_INVALID_OPTION'
  /** A notification, or the NDJSON line that should be one, breaks a rule. See {@link InvalidNotificationError}. */
  | 'APNS_ERR_INVALID_NOTIFICATION'
  /** The input as a whole is not NDJSON: compressed, UTF-16, an array, or one pretty-printed object. */
  | 'APNS_ERR_NOT_NDJSON'
  /** Bytes do not follow the packet format that was expected. */
  | 'APNS_ERR_MALFORMED_PACKET'
  /** A packet announces more bytes than the limit allows; nothing of it was buffered. */
  | 'APNS_ERR_PACKET_TOO_LARGE'
  /** The bytes ended inside a packet. */
  | 'APNS_ERR_TRUNCATED_PACKET'
  /** The host name does not resolve. */
  | 'APNS_ERR_HOST_NOT_FOUND'
  /** The host refused the connection. */
  | 'APNS_ERR_CONNECTION_REFUSED'
  /** The network of the address is unreachable. */
  | 'APNS_ERR_UNREACHABLE'
  /** The connection and its TLS handshake did not complete within the time limit. */
  | 'APNS_ERR_CONNECT_TIMEOUT'
  /** The connection ended unexpectedly (reset, broken pipe, closed). */
  | 'APNS_ERR_CONNECTION_LOST'
  /** The peer did not respond within the time limit. */
  | 'APNS_ERR_TIMEOUT'
  /** This process, or the machine, has no file descriptor left for a connection. */
  | 'APNS_ERR_TOO_MANY_OPEN_FILES'
  /** The peer does not speak TLS on this port. */
  | 'APNS_ERR_NOT_TLS'
  /** The peer speaks no TLS version, or no cipher, that this side accepts. */
  | 'APNS_ERR_TLS_VERSION'
  /** The TLS handshake failed for a reason without a specific code. */
  | 'APNS_ERR_TLS'
  /** The peer does not speak HTTP/2 on this port. */
  | 'APNS_ERR_NOT_HTTP2'
  /** The peer violated the HTTP/2 protocol, or closed the connection because of a protocol error. */
  | 'APNS_ERR_HTTP2_PROTOCOL'
  /** The gateway's certificate is for another host. */
  | 'APNS_ERR_WRONG_HOST'
  /** No authority that this side trusts issued the gateway's certificate. */
  | 'APNS_ERR_UNKNOWN_AUTHORITY'
  /** The gateway's certificate has expired, or is not valid yet. */
  | 'APNS_ERR_CERTIFICATE_EXPIRED'
  /** NODE_TLS_REJECT_UNAUTHORIZED=0 disables certificate checks, which this package does not allow. */
  | 'APNS_ERR_VERIFICATION_DISABLED'
  /** The credentials cannot be used: unreadable, wrong passphrase, or key and certificate do not match. */
  | 'APNS_ERR_BAD_CREDENTIALS'
  /** The gateway refused the client certificate or the provider token. */
  | 'APNS_ERR_CREDENTIALS_REFUSED'
  /** The gateway could not parse what was sent (status code 128), so sending stopped. */
  | 'APNS_ERR_GATEWAY_PROTOCOL'
  /** The proxy refused to open the tunnel. */
  | 'APNS_ERR_PROXY'
  /** A broadcast channel could not be created, read, listed or deleted. */
  | 'APNS_ERR_CHANNEL'
  /** The stream was closed or destroyed before its work was complete. */
  | 'APNS_ERR_CLOSED';

/**
 * An error with a stable {@link ApnsErrorCode} in `code`, a message that says what happened, to which
 * thing, and what to do, and the underlying error in `cause` where there is one.
 *
 * Messages never hold a key, a passphrase, a provider token or a whole device token, and no control, format or
 * bidirectional character: what they quote is safe for a terminal.
 */
export class ApnsError extends Error {
  /** The kind of error, from a closed set of strings. */
  readonly code: ApnsErrorCode;

  constructor(code: ApnsErrorCode, message: string, options?: ErrorOptions) {
    super(printable(message), options);
    this.code = code;
  }

  static {
    ApnsError.prototype.name = 'ApnsError';
  }
}

/** The invalid notification and its position in the input. */
export interface InvalidNotificationDetails {
  /** The field that breaks a rule; absent when the line is not a JSON object at all. */
  readonly field?: string | undefined;
  /** 1-based number of the NDJSON line; absent when the notification was not parsed from a line. */
  readonly line?: number | undefined;
  /** Byte offset of that line in the NDJSON input. */
  readonly offset?: number | undefined;
  /** The notification, if it is already an object. It is never printed. */
  readonly notification?: unknown;
  readonly cause?: unknown;
}

/** A notification that breaks a rule and was therefore not sent. `code` is `APNS_ERR_INVALID_NOTIFICATION`. */
export class InvalidNotificationError extends ApnsError {
  /** The field that breaks a rule; `undefined` when the line is not a JSON object at all. */
  readonly field: string | undefined;
  /** 1-based number of the NDJSON line; `undefined` when the notification was not parsed from a line. */
  readonly line: number | undefined;
  /** Byte offset of the start of that line in the NDJSON input. */
  readonly offset: number | undefined;
  readonly #problem: string;
  readonly #notification: unknown;

  constructor(problem: string, details: InvalidNotificationDetails = {}) {
    const { line, offset, notification, cause } = details;
    const field = details.field === undefined ? undefined : printable(details.field);
    const where = line === undefined ? '' : `line ${line}: `;
    const message = `${where}${field === undefined ? '' : `${field} `}${problem}`;
    const options = cause === undefined ? undefined : { cause };
    const { stackTraceLimit } = Error;
    // A line says where the fault is; a stack would only name this package, and takes longer than reading the
    // line. Where Error is frozen, this has no effect.
    if (line !== undefined) Reflect.set(Error, 'stackTraceLimit', 0);
    super('APNS_ERR_INVALID_NOTIFICATION', message, options);
    if (line !== undefined) Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
    this.field = field;
    this.line = line;
    this.offset = offset;
    this.#problem = printable(problem);
    this.#notification = notification;
  }

  /** The problem, without the position that `message` starts with. */
  get problem(): string {
    return this.#problem;
  }

  /** The notification as it was given. Not an own property: no way of printing the error shows a device token. */
  get notification(): unknown {
    return this.#notification;
  }

  static {
    InvalidNotificationError.prototype.name = 'InvalidNotificationError';
  }
}

/** The service refused a request of channel management. `code` is `APNS_ERR_CHANNEL`. */
export class ChannelError extends ApnsError {
  /** The HTTP status of the response. */
  readonly statusCode: number;
  /** The reason of the service, such as `ChannelNotRegistered`; `Unknown` if it gave no valid reason. */
  readonly reason: string;

  /** @param what the problem with the response, if its status means success */
  constructor(action: string, statusCode: number, reason: string, what?: string) {
    const word = redactReason(reason) ?? 'Unknown';
    super(
      'APNS_ERR_CHANNEL',
      `cannot ${action} the channel: the service responded with ${statusCode} ${what ?? word}`,
    );
    this.statusCode = statusCode;
    this.reason = word;
  }

  static {
    ChannelError.prototype.name = 'ChannelError';
  }
}

/**
 * The error for an option that cannot be used, thrown at once by the factory that was given it.
 *
 * @param path the path of the option, such as `window.count`
 * @param expected the valid values, such as `a positive integer`
 * @param received the value that was given; the message names only its type unless it is a number or a boolean,
 *   because an option may hold a secret
 */
export function invalidOption(path: string, expected: string, received: unknown): ApnsError {
  return new ApnsError('APNS_ERR_INVALID_OPTION', `${path} must be ${expected}, got ${describe(received)}`);
}

/** Describes a value for a message: numbers and booleans are shown, other values only by their type. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'string':
      return value === '' ? 'an empty string' : `a string of ${value.length} characters`;
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'an array' : `an object${className(value)}`;
    default:
      return `a ${typeof value}`;
  }
}

/** A number as text, or a word that is too short and plain for a key or a token. */
const SHOWN_TEXT = /^(?:-?\d{1,12}(?:\.\d{1,6})?|[A-Za-z][A-Za-z-]{0,15})$/;

/**
 * The same for a value that is a number or one of a few words, such as a priority. A short text that may be meant as
 * one is shown. It is not for options that can hold a secret.
 *
 * @param numbers whether a number is wanted, so that the text of one has quotes by mistake
 */
export function describeWord(value: unknown, numbers = false): string {
  if (typeof value !== 'string' || !SHOWN_TEXT.test(value) || redactTokens(value) !== value) {
    return describe(value);
  }
  return numbers && !Number.isNaN(Number(value))
    ? `the string "${value}": remove the quotes`
    : `the string "${value}"`;
}

/** The name of an object's class, asked of its prototype: its own `constructor` is a field like any other. */
function className(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== '' ? ` (${name})` : '';
}

/** The other end of a connection. */
export interface Peer {
  /** A host name or an IP address. */
  readonly host: string;
  readonly port: number;
  /** Whether `tls.ca` is set for this peer. */
  readonly hasOwnAuthorities?: boolean;
}

/** `host:port`, as it stands in messages and in HTTP (RFC 3986 section 3.2.2: an IPv6 address in brackets). */
export function formatPeer({ host, port }: Peer): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
