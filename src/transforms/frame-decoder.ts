/** Decodes frames into notifications. */
import { isUtf8 } from 'node:buffer';
import { InvalidNotificationError } from '../core/errors.js';
import type { Notification } from '../core/notification.js';
import { callbackOption, checkOptionNames, choiceOption } from '../core/options.js';
import type { TransformOf } from '../core/typed-stream.js';
import { decodeFrame, FRAME_FORMAT, type Frame } from '../protocol/binary/frame.js';
import { DECODER_OPTION_NAMES, type DecoderOptions, PacketDecoder } from './packet-decoder.js';

/** Options of {@link createFrameDecoder}. */
export interface FrameDecoderOptions extends DecoderOptions {
  /**
   * `parsed` gives a payload that is a JSON object as that object and any other as bytes; `raw` gives every
   * payload as the bytes that were framed. @default 'parsed'
   */
  readonly payload?: 'parsed' | 'raw';
  /** Receives each frame without a device token or payload; it is then skipped. Without it the stream fails. */
  readonly onInvalid?: (error: InvalidNotificationError) => void;
}

const OPTION_NAMES = [...DECODER_OPTION_NAMES, 'payload', 'onInvalid'];

/**
 * A Transform from frames of any command (0, 1 or 2, even mixed) to notifications.
 *
 * Items of command 2 may have any order, and unknown items are skipped. A frame without a device token or a payload
 * produces an {@link InvalidNotificationError}. Bytes that are not a frame make the stream fail.
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION
 */
export function createFrameDecoder(options: FrameDecoderOptions = {}): TransformOf<Uint8Array, Notification> {
  checkOptionNames('options', options, OPTION_NAMES);
  const parse = choiceOption('payload', options.payload, ['parsed', 'raw'], 'parsed') === 'parsed';
  const onInvalid = callbackOption('onInvalid', options.onInvalid);
  const decode = (bytes: Buffer, start: number, end: number): Notification | undefined => {
    const frame = decodeFrame(bytes, start, end);
    const problem = frame.deviceToken ? (frame.payload?.length ? undefined : 'payload') : 'deviceToken';
    if (problem === undefined) return toNotification(frame, parse);
    const error = new InvalidNotificationError('is missing from the frame or is empty', { field: problem });
    if (onInvalid === undefined) throw error;
    onInvalid(error);
    return undefined;
  };
  return new PacketDecoder(FRAME_FORMAT, decode, options);
}

function toNotification(frame: Frame, parse: boolean): Notification {
  const { deviceToken, payload, identifier, expiration, priority } = frame;
  return {
    deviceToken: deviceToken!,
    payload: parse ? parsePayload(payload!) : payload!,
    ...(identifier === undefined ? {} : { identifier }),
    ...(expiration === undefined ? {} : { expiration }),
    ...(priority === undefined ? {} : { priority: priority as 10 | 5 }),
  };
}

function parsePayload(bytes: Buffer): object {
  // Decoding other bytes would replace them with U+FFFD.
  if (!isUtf8(bytes)) return bytes;
  try {
    const parsed: unknown = JSON.parse(bytes.toString());
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch {
    // The payload is not JSON. Keep its bytes, so that nothing of the frame is lost.
  }
  return bytes;
}
