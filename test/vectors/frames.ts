/**
 * Frames, transcribed by hand from Apple's "Binary Provider API" (command 2, figure A-1 and its table of
 * items) and "Legacy Notification Format" (command 0, figure B-1; command 1, figure B-2).
 */
import type { Frame, FrameCommand } from '../../src/protocol/binary/frame.js';
import { annotatedHex } from './annotated-hex.js';

export interface FrameVector {
  readonly name: string;
  readonly bytes: Buffer;
  /** The fields, the payload as text. */
  readonly value: Omit<Frame, 'payload'> & { readonly payload?: string };
  /** Whether the bytes are also what encoding the fields gives; not so where items stand in another order. */
  readonly encodes: boolean;
}

const TOKEN = '000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';

function vector(
  name: string,
  encodes: boolean,
  command: FrameCommand,
  value: Omit<FrameVector['value'], 'command'>,
  text: string,
): FrameVector {
  return { name, encodes, bytes: annotatedHex(text), value: { command, ...value } };
}

export const FRAME_VECTORS: readonly FrameVector[] = [
  vector(
    'command 2 with every item',
    true,
    2,
    { deviceToken: TOKEN, payload: '{"aps":{}}', identifier: 7, expiration: 1_800_000_000, priority: 10 },
    `02           command 2
     00 00 00 42  frame length 66: 7 + 35 + 13 + 7 + 4
     03           item 3, identifier
     00 04        length 4
     00 00 00 07  7
     01           item 1, device token
     00 20        length 32
     00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f
     f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff
     02           item 2, payload
     00 0a        length 10
     7b 22 61 70 73 22 3a 7b 7d 7d  {"aps":{}}
     04           item 4, expiration
     00 04        length 4
     6b 49 d2 00  1,800,000,000: 2027-01-15T08:00:00Z
     05           item 5, priority
     00 01        length 1
     0a           10: at once`,
  ),
  vector(
    'command 2 with the required items only',
    true,
    2,
    { deviceToken: 'ab', payload: '{}' },
    `02           command 2
     00 00 00 09  frame length 9: 4 + 5
     01           item 1, device token
     00 01        length 1
     ab
     02           item 2, payload
     00 02        length 2
     7b 7d        {}`,
  ),
  vector(
    'command 2 with the highest identifier, expiration 0 and priority 5',
    true,
    2,
    { deviceToken: 'ff80', payload: '{}', identifier: 0xffff_ffff, expiration: 0, priority: 5 },
    `02           command 2
     00 00 00 1c  frame length 28: 7 + 5 + 5 + 7 + 4
     03           item 3, identifier
     00 04        length 4
     ff ff ff ff  4,294,967,295
     01           item 1, device token
     00 02        length 2
     ff 80
     02           item 2, payload
     00 02        length 2
     7b 7d        {}
     04           item 4, expiration
     00 04        length 4
     00 00 00 00  0: try once, do not store
     05           item 5, priority
     00 01        length 1
     05           5: when it suits the device's power`,
  ),
  vector(
    'command 2 with an identifier whose top bit is set and a payload of more bytes than characters',
    true,
    2,
    { deviceToken: 'ab', payload: '"é€😀"', identifier: 0x8000_0000 },
    `02           command 2
     00 00 00 19  frame length 25: 7 + 4 + 14
     03           item 3, identifier
     00 04        length 4
     80 00 00 00  2,147,483,648
     01           item 1, device token
     00 01        length 1
     ab
     02           item 2, payload
     00 0b        length 11: bytes, where the text has 5 characters
     22           quotation mark
     c3 a9        U+00E9
     e2 82 ac     U+20AC
     f0 9f 98 80  U+1F600
     22           quotation mark`,
  ),
  vector(
    'command 2 with its items in the order of their numbers',
    false,
    2,
    { deviceToken: 'ab', payload: '{}', identifier: 1, expiration: 0xffff_ffff, priority: 10 },
    `02           command 2
     00 00 00 1b  frame length 27
     01           item 1, device token
     00 01        length 1
     ab
     02           item 2, payload
     00 02        length 2
     7b 7d        {}
     03           item 3, identifier
     00 04        length 4
     00 00 00 01  1
     04           item 4, expiration
     00 04        length 4
     ff ff ff ff  4,294,967,295
     05           item 5, priority
     00 01        length 1
     0a           10`,
  ),
  vector(
    'command 2 with items nobody knows',
    false,
    2,
    { deviceToken: 'ab', payload: '{}' },
    `02           command 2
     00 00 00 12  frame length 18
     ff           item 255, unknown
     00 03        length 3
     01 02 03     what might be taken for items
     02           item 2, payload
     00 02        length 2
     7b 7d        {}
     06           item 6, unknown
     00 00        length 0
     01           item 1, device token
     00 01        length 1
     ab`,
  ),
  vector(
    'command 2 without a token, as in a checkpoint',
    false,
    2,
    { deviceToken: '', identifier: 0xffff_ffff },
    `02           command 2
     00 00 00 0a  frame length 10: 7 + 3
     03           item 3, identifier
     00 04        length 4
     ff ff ff ff  4,294,967,295
     01           item 1, device token
     00 00        length 0`,
  ),
  vector(
    'command 2 without items',
    false,
    2,
    {},
    `02           command 2
     00 00 00 00  frame length 0`,
  ),
  vector(
    'command 1',
    true,
    1,
    { deviceToken: TOKEN, payload: '{"aps":{}}', identifier: 0xff00_00fe, expiration: 1_800_000_000 },
    `01           command 1
     ff 00 00 fe  identifier 4,278,190,334
     6b 49 d2 00  expiration 1,800,000,000
     00 20        token length 32
     00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f
     f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff
     00 0a        payload length 10
     7b 22 61 70 73 22 3a 7b 7d 7d  {"aps":{}}`,
  ),
  vector(
    'command 1 without token and payload',
    true,
    1,
    { deviceToken: '', payload: '', identifier: 0x8000_0000, expiration: 0 },
    `01           command 1
     80 00 00 00  identifier 2,147,483,648
     00 00 00 00  expiration 0: try once, do not store
     00 00        token length 0
     00 00        payload length 0`,
  ),
  vector(
    'command 0',
    true,
    0,
    { deviceToken: TOKEN, payload: '{"aps":{}}' },
    `00           command 0
     00 20        token length 32
     00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f
     f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff
     00 0a        payload length 10
     7b 22 61 70 73 22 3a 7b 7d 7d  {"aps":{}}`,
  ),
  vector(
    'command 0 with a token of 3 bytes',
    true,
    0,
    { deviceToken: 'c0ffee', payload: '{}' },
    `00           command 0
     00 03        token length 3
     c0 ff ee
     00 02        payload length 2
     7b 7d        {}`,
  ),
];

/** A vector's fields as decodeFrame gives them. */
export function decodedValue({ value }: FrameVector): Frame {
  const { payload, ...rest } = value;
  return payload === undefined ? rest : { ...rest, payload: Buffer.from(payload) };
}
