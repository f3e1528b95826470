/** Whole inputs of NDJSON: their lines, and the notifications in them. */
import { isUtf8 } from 'node:buffer';
import { getSourceLine } from '../../../src/core/source-line.js';
import { LineReader } from '../../../src/protocol/json/line-reader.js';
import { NdjsonDecoder } from '../../../src/protocol/json/ndjson-decoder.js';
import type { PayloadMode } from '../../../src/protocol/json/notification-line.js';
import { type Decoding, decodeChunk, type FuzzTarget, type Tell } from '../fuzz-target.js';
import { JSON_DICTIONARY } from './json.js';
import { jsonText, notificationText } from './json-text.js';

/** Short, so that mutants reach it. */
const MAX_LINE_BYTES = 400;
const ROOM_BYTES = 16 * 1024;
const BLANK = /^[ \t\r]*$/;

const NOTIFICATION = `{"deviceToken":"${'ab'.repeat(32)}","payload":{"aps":{"alert":"é"}}}`;
const INPUTS = [
  `${NOTIFICATION}\n`,
  `\ufeff${NOTIFICATION}\r\n\n \t\r\n${NOTIFICATION}`,
  `${NOTIFICATION}\n{"channelId":"dHN0","payload":"{}","context":{"a":[1]}}\n`,
  `${NOTIFICATION.padEnd(MAX_LINE_BYTES)}\n`,
].map((text) => Buffer.from(text));

const LINES: FuzzTarget = {
  name: 'ndjson-lines',
  about: 'the lines of an input',
  golden: INPUTS,
  hoards: [Buffer.alloc(MAX_LINE_BYTES, 'x'), Buffer.alloc(100_000, 'x')],
  maxHeldBytes: MAX_LINE_BYTES + ROOM_BYTES,
  dictionary: ['\n', '\r', '\r\n', ' ', 'x'.repeat(MAX_LINE_BYTES - 1), 'é', '\n\ufeff', Buffer.from([0xff])],
  open: openLines,
  law(input) {
    const told: string[] = [];
    const reading = openLines((event) => told.push(event));
    decodeChunk(reading, input);
    reading.end();
    const expected = linesOf(input);
    const at = expected.findIndex((line, i) => line !== told[i]);
    if (at < 0 && told.length === expected.length) return undefined;
    return `${told[at < 0 ? expected.length : at]} instead of ${expected[at]}`;
  },
};

const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/** The same, the simple way. */
function linesOf(input: Buffer): readonly string[] {
  const found: string[] = [];
  for (let start = 0, line = 1; start < input.length; line++) {
    const newline = input.indexOf('\n', start);
    const end = newline < 0 ? input.length : newline;
    // A byte order mark in front of a line, as `cat` leaves it. That of the input itself is not the reader's to skip.
    const mark = line > 1 && input.indexOf(BYTE_ORDER_MARK, start) === start ? BYTE_ORDER_MARK.length : 0;
    const bytes = input.subarray(start + mark, input[end - 1] === 0x0d && end > start ? end - 1 : end);
    if (mark + bytes.length > MAX_LINE_BYTES) found.push(`unreadable ${line} ${start} longer`);
    else if (!isUtf8(bytes)) found.push(`unreadable ${line} ${start} not`);
    else if (!BLANK.test(bytes.toString())) found.push(`line ${line} ${start} ${bytes.toString('hex')}`);
    start = end + 1;
  }
  return found;
}

function openLines(tell: Tell): Decoding {
  return new LineReader(
    {
      onLine: (bytes, start, end, line, offset) => {
        tell(`line ${line} ${offset} ${bytes.toString('hex', start, end)}`);
        return line % 3 > 0;
      },
      onUnreadable: (problem, line, offset) =>
        tell(`unreadable ${line} ${offset} ${problem.split(' ', 1)[0]}`),
    },
    MAX_LINE_BYTES,
    0,
  );
}

function decoderTarget(payload: PayloadMode): FuzzTarget {
  return {
    name: `ndjson-${payload}`,
    about: `notifications from NDJSON, payload: '${payload}'`,
    golden: INPUTS,
    hoards: [
      Buffer.concat([Buffer.from('{"deviceToken":"'), Buffer.alloc(MAX_LINE_BYTES - 16, 'a')]),
      Buffer.from(`{"payload":${'x'.repeat(MAX_LINE_BYTES)}\n`.repeat(100)),
      Buffer.from('{\n{"'),
    ],
    maxHeldBytes: MAX_LINE_BYTES + ROOM_BYTES,
    dictionary: [
      ...JSON_DICTIONARY,
      ' \n \t\r\n [',
      'x'.repeat(MAX_LINE_BYTES),
      '\n',
      '\r\n',
      Buffer.from([0x1f, 0x8b]),
      Buffer.from([0xff, 0xfe]),
    ],
    generate: (random) =>
      Buffer.from(
        Array.from(
          { length: 1 + random.below(4) },
          () => (random.oneIn(4) ? jsonText(random) : notificationText(random)) + random.pick(['\n', '\r\n']),
        ).join(''),
      ),
    open: (tell) =>
      new NdjsonDecoder({
        payload,
        maxLineBytes: MAX_LINE_BYTES,
        onNotification: (notification) => {
          const { payload, ...rest } = notification;
          const text = Buffer.isBuffer(payload) ? payload.toString('latin1') : JSON.stringify(payload);
          tell(`${getSourceLine(notification)} ${JSON.stringify(rest)} ${text}`);
          return getSourceLine(notification)! % 3 > 0;
        },
        onInvalid: ({ line, offset, field, problem }) => tell(`${line} ${offset} ${field} ${problem}`),
      }),
  };
}

export const NDJSON_TARGETS: readonly FuzzTarget[] = [LINES, decoderTarget('raw'), decoderTarget('parsed')];
