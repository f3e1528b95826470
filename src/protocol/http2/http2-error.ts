/**
 * The error for a peer that breaks the rules of HTTP/2.
 *
 * RFC 9113, section 5.4, knows two kinds: a connection error ends the connection with GOAWAY, a stream
 * error ends one stream with RST_STREAM. Both carry the code that is written to the peer, which never
 * becomes `error.code`.
 */
import { ApnsError } from '../../core/errors.js';
import { Http2ErrorCode, type Http2ErrorName } from './error-code.js';

/** A violation of the HTTP/2 rules. `code` is `APNS_ERR_HTTP2_PROTOCOL`. */
export class Http2Error extends ApnsError {
  /** The number to put into GOAWAY or RST_STREAM, see `Http2ErrorCode`. */
  readonly http2ErrorCode: number;
  /** The stream it ends; 0 when it ends the connection. */
  readonly streamId: number;

  constructor(name: Http2ErrorName, streamId: number, message: string) {
    super('APNS_ERR_HTTP2_PROTOCOL', `${message} (${name})`);
    this.http2ErrorCode = Http2ErrorCode[name];
    this.streamId = streamId;
  }

  static {
    Http2Error.prototype.name = 'Http2Error';
  }
}

/** The error that ends the connection. RFC 9113, section 5.4.1. */
export function connectionError(name: Http2ErrorName, message: string): Http2Error {
  return new Http2Error(name, 0, message);
}

/** The error that ends one stream and leaves the connection alone. RFC 9113, section 5.4.2. */
export function streamError(name: Http2ErrorName, streamId: number, message: string): Http2Error {
  return new Http2Error(name, streamId, `stream ${streamId}: ${message}`);
}
