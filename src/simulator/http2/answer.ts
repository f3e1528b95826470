/** Writes the response of one stream, in several possible forms. */
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';

/** Options for an unusual form of a response. */
export interface AnswerForm {
  /** Whether every byte of the body is sent in a separate DATA frame. */
  readonly split?: boolean;
  /** Whether 103 comes first. */
  readonly interim?: boolean;
  /** Whether trailers come last. */
  readonly trailers?: boolean;
}

/** Writes nothing if the client has closed the stream or already has a response. This is not an error. */
export function writeAnswer(
  stream: ServerHttp2Stream,
  headers: OutgoingHttpHeaders,
  body: Buffer,
  form: AnswerForm,
): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return;
  const { split = false, interim = false, trailers = false } = form;
  if (interim) stream.additionalHeaders({ ':status': 103 });
  if (body.length === 0 && !trailers) {
    stream.respond(headers, { endStream: true });
    return;
  }
  if (trailers) stream.once('wantTrailers', () => stream.sendTrailers({ 'apns-trailer': 'end' }));
  stream.respond(headers, { waitForTrailers: trailers });
  if (split) writeByteByByte(stream, body);
  else stream.end(body);
}

function writeByteByByte(stream: ServerHttp2Stream, rest: Buffer): void {
  if (stream.destroyed) return;
  if (rest.length <= 1) stream.end(rest);
  else stream.write(rest.subarray(0, 1), () => setImmediate(() => writeByteByByte(stream, rest.subarray(1))));
}
