/** Bytes as hex digits, for eyes and for pasting. */
import { Transform } from 'node:stream';
import { FRAME_FORMAT } from '../../protocol/binary/frame.js';
import { PacketReader } from '../../protocol/packet-reader.js';
import { CommandError } from '../command-error.js';
import { ExitCode } from '../exit-code.js';

/** A Transform from frame bytes to one line of hex digits per frame. */
export function createHexEncoder(): Transform {
  const reader = new PacketReader(FRAME_FORMAT);
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      let lines = '';
      reader.read(chunk, (bytes, start, end) => {
        lines += `${bytes.toString('hex', start, end)}\n`;
      });
      callback(null, lines);
    },
  });
}

/**
 * A Transform from hex digits, with white space anywhere, to the bytes they stand for. Fails with exit code
 * 1 for anything else and for half a byte at the end; `Buffer.from` would just stop there.
 */
export function createHexDecoder(): Transform {
  let half = '';
  let offset = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      const text = chunk.toString('latin1');
      const wrong = text.search(/[^0-9A-Fa-f\s]/);
      if (wrong >= 0) {
        callback(notHex(`byte ${offset + wrong} is neither a hex digit nor white space`));
        return;
      }
      offset += text.length;
      const digits = half + text.replace(/\s+/g, '');
      const whole = digits.length - (digits.length % 2);
      half = digits.slice(whole);
      callback(null, Buffer.from(digits.slice(0, whole), 'hex'));
    },
    flush(callback) {
      callback(half === '' ? null : notHex('the number of hex digits is odd'));
    },
  });
}

function notHex(problem: string): CommandError {
  return new CommandError(ExitCode.Problems, `the input is not hex: ${problem}`);
}
