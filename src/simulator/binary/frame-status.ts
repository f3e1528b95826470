import { MAX_DEVICE_TOKEN_BYTES } from '../../core/notification-rules.js';
import { type Frame, MAX_PAYLOAD_BYTES } from '../../protocol/binary/frame.js';
import { StatusCode } from '../../protocol/binary/status-code.js';

/** A frame that {@link frameStatus} has found valid. */
export type CompleteFrame = Frame & { readonly deviceToken: string; readonly payload: Buffer };

/**
 * What a gateway says of a frame by itself: `NoError`, or the first status code of Apple's table that fits
 * ("Binary Provider API", table A-1). Whether the token is anybody's is not asked here.
 */
export function frameStatus(frame: Frame): number {
  const tokenBytes = (frame.deviceToken?.length ?? 0) / 2;
  const payloadBytes = frame.payload?.length ?? 0;
  if (tokenBytes === 0) return StatusCode.MissingDeviceToken;
  if (payloadBytes === 0) return StatusCode.MissingPayload;
  if (tokenBytes > MAX_DEVICE_TOKEN_BYTES) return StatusCode.InvalidTokenSize;
  if (payloadBytes > MAX_PAYLOAD_BYTES[frame.command]) return StatusCode.InvalidPayloadSize;
  return StatusCode.NoError;
}
