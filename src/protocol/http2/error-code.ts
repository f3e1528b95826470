/** The 32-bit error codes of RST_STREAM and GOAWAY. Source: RFC 9113, section 7. */

/** Each error code's number. */
export const Http2ErrorCode = {
  /** A graceful end without an error. */
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  /** A flow-control window was exceeded, or grew beyond 2^31-1. */
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  /** A frame arrived for a stream that is closed. */
  STREAM_CLOSED: 0x5,
  /** A frame is of the wrong length, or longer than SETTINGS_MAX_FRAME_SIZE. */
  FRAME_SIZE_ERROR: 0x6,
  /** The stream was refused before anything was processed: it may be sent again. */
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  /** The header compression context is lost. */
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  /** The peer sends an unreasonable amount of something. */
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;

/** An error code's name, such as `REFUSED_STREAM`. */
export type Http2ErrorName = keyof typeof Http2ErrorCode;

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(Http2ErrorCode).map(([name, code]) => [code, name]),
);

/** The name of an error code; a code without one is shown as hex, such as `0x2a`. */
export function http2ErrorName(code: number): string {
  return NAMES.get(code) ?? `0x${code.toString(16)}`;
}
