/** JSON text at random, in every way that it can be written. */
import type { Random } from '../random.js';

const SPACE = ['', '', '', ' ', '\t', '\r', ' \n'];
const NUMBERS = ['0', '-0', '7', '1e400', '-1.5E-3', '9007199254740993', '0.10', '1E+2', '4294967296'];
const CHARACTERS = ['a', 'Z', ' ', 'é', '\u2028', '😀', '\ufeff', '\u007f', '\\n', '\\"', '\\\\', '\\/'];
const ESCAPES = ['\\u0000', '\\ud800', '\\uDC00', '\\ud83d\\ude00', '\\u00e9', '\\b'];

/** Any JSON value. */
export function jsonText(random: Random, depth = 3): string {
  const space = (): string => random.pick(SPACE);
  const list = (item: () => string): string =>
    Array.from({ length: random.below(4) }, () => space() + item() + space()).join(',') || space();
  switch (random.below(depth > 0 ? 6 : 4)) {
    case 0:
      return random.pick(NUMBERS);
    case 1:
      return random.pick(['true', 'false', 'null']);
    case 2:
    case 3:
      return stringText(random);
    case 4:
      return `[${list(() => jsonText(random, depth - 1))}]`;
    default:
      return objectText(random, depth);
  }
}

/** A JSON object. */
export function objectText(random: Random, depth = 3): string {
  const members = Array.from(
    { length: random.below(4) },
    () => `${random.pick(SPACE)}${stringText(random)}:${random.pick(SPACE)}${jsonText(random, depth - 1)}`,
  );
  return `{${members.join(',')}}`;
}

/** A JSON string. */
export function stringText(random: Random): string {
  const characters = Array.from({ length: random.below(6) }, () =>
    random.pick(random.oneIn(4) ? ESCAPES : CHARACTERS),
  );
  return `"${characters.join('')}"`;
}

const VALUES: Readonly<Record<string, readonly string[]>> = {
  deviceToken: [`"${'ab'.repeat(32)}"`, '"AB01"', '"0"', '"\\u0061b"', '""', 'null', `"${'00'.repeat(101)}"`],
  identifier: ['0', '4294967295', '4294967296', '1.0', '7e0', '"7"'],
  expiration: ['0', '1900000000', '1900000000000', '-1', '1e3'],
  priority: ['10', '5', '1', '7', '1e1'],
  topic: ['"com.example.app"', '"a\\nb"', '" a"', '"é"'],
  pushType: ['"alert"', '"background"', '"x"'],
  collapseId: ['"c"', `"${'c'.repeat(65)}"`],
  apnsId: ['"0f7e9b6a-3c1d-4e5f-8a9b-0c1d2e3f4a5b"', '"0F7E9B6A-3C1D-4E5F-8A9B-0C1D2E3F4A5B"'],
  channelId: ['"dHN0LXNyY2gtY2hubA=="', '"?"'],
  token: ['"ab"'],
  ['__proto__']: ['{}'],
};

/** A line that is mostly a notification. */
export function notificationText(random: Random): string {
  const space = (): string => random.pick(SPACE).replace('\n', '');
  const fields = [
    `"deviceToken":${space()}${random.oneIn(8) ? random.pick(VALUES['deviceToken']!) : `"${'cd'.repeat(1 + random.below(40))}"`}`,
    `"payload":${space()}${random.oneIn(8) ? jsonText(random) : objectText(random)}`,
  ];
  while (random.oneIn(2)) {
    const name = random.pick(Object.keys(VALUES));
    fields.push(`"${name}"${space()}:${random.pick(VALUES[name]!)}`);
  }
  if (random.oneIn(3)) fields.push(`"context":${jsonText(random)}`);
  if (random.oneIn(4)) fields.reverse();
  if (random.oneIn(8)) fields.splice(random.below(fields.length), 1);
  return `${space()}{${fields.join(`${space()},${space()}`)}}${space()}`.replaceAll('\n', '\t');
}
