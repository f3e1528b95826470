/** Error responses as a Readable, from a binary sink or from your own socket. */
import { Socket } from 'node:net';
import { receive } from '../connection/receiver.js';
import { ApnsError, invalidOption } from '../core/errors.js';
import { checkOptionNames, streamOptions } from '../core/options.js';
import type { ReadableOf } from '../core/typed-stream.js';
import {
  decodeErrorResponse,
  ERROR_RESPONSE_FORMAT,
  type ErrorResponse,
} from '../protocol/binary/error-response.js';
import { PacketReader } from '../protocol/packet-reader.js';
import { type BinarySink, isBinarySink } from '../sinks/binary-sink.js';
import { LastingSource } from './lasting-source.js';

/** Options of {@link createErrorSource}. */
export interface ErrorSourceOptions {
  /** How many error responses the stream buffers. @default 16 */
  readonly highWaterMark?: number;
  readonly signal?: AbortSignal;
}

/** The maximum number of unread error responses of a sink. Above it, the error source fails. */
const MAX_UNREAD = 65_536;

/**
 * A Readable of error responses `{ statusCode, reason, identifier }`.
 *
 * From a binary sink: every error response of all its connections, except the rejections of checkpoints; it
 * ends when the sink closes. From a connected socket (TLS or plain): what the gateway sends, even when it
 * resets the connection while this side is writing. It ends when the socket closes, and fails with the typed
 * error if the socket did not close cleanly. Nothing else may read that socket.
 *
 * Fails with APNS_ERR_MALFORMED_PACKET or APNS_ERR_TRUNCATED_PACKET for bytes that are not an error response. No
 * failure arrives before the error responses ahead of it have been read.
 */
export function createErrorSource(
  origin: BinarySink | Socket,
  options: ErrorSourceOptions = {},
): ReadableOf<ErrorResponse> {
  checkOptionNames('options', options, ['highWaterMark', 'signal']);
  let readOn = (): void => {};
  const source = new LastingSource({ ...streamOptions(options, 'highWaterMark'), read: () => readOn() });
  if (isBinarySink(origin)) readSink(origin, source);
  else if (origin instanceof Socket) readOn = readSocket(origin, source);
  else throw invalidOption('origin', 'a binary sink or a socket', origin);
  return source;
}

function readSink(sink: BinarySink, source: LastingSource): void {
  const onErrorResponse = (response: ErrorResponse): void => {
    source.push(response);
    if (source.readableLength <= MAX_UNREAD) return;
    source.destroy(
      new ApnsError(
        'APNS_ERR_CLOSED',
        `the error source was not read: ${MAX_UNREAD} error responses are waiting; read the source or destroy it`,
      ),
    );
  };
  const onClose = (): void => {
    source.push(null);
  };
  if (sink.closed) onClose();
  sink.on('errorResponse', onErrorResponse).once('close', onClose);
  source.once('close', () => sink.off('errorResponse', onErrorResponse).off('close', onClose));
}

/** Returns a function that resumes reading after the source was full. */
function readSocket(socket: Socket, source: LastingSource): () => void {
  const reader = new PacketReader(ERROR_RESPONSE_FORMAT);
  let isOver = false;
  const attempt = (read: () => void): void => {
    if (isOver || source.destroyed) return;
    try {
      read();
    } catch (error) {
      isOver = true;
      source.failAfterReading(error as ApnsError);
    }
  };
  const onPacket = (bytes: Buffer, start: number): void => {
    if (!source.push(decodeErrorResponse(bytes, start))) receiver.pause();
  };
  const receiver = receive(socket, {
    onBytes: (chunk) => attempt(() => reader.read(chunk, onPacket)),
    onClose: (cause) => {
      attempt(() => reader.end());
      if (isOver || source.destroyed) return;
      if (cause === undefined) source.push(null);
      else source.failAfterReading(cause);
    },
  });
  const readOn = (): void => receiver.resume();
  // The socket belongs to the caller, so it must not stay paused after this source is closed.
  source.once('close', readOn);
  return readOn;
}
