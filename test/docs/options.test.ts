import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BINARY_OPTION_NAMES } from '../../src/engine/binary/options.js';
import { HTTP2_OPTION_NAMES } from '../../src/engine/http2/options.js';
import { ROOT } from '../support/node-process.js';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const page = read('docs/options.md');

/** Every interface of options that a user can fill in, by its name, with the names in it. */
const interfaces = [
  'connection',
  'engine',
  'transforms',
  'sources',
  'sinks',
  'deliveries',
  'channels',
].flatMap((room) =>
  readdirSync(join(ROOT, 'src', room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => read(join('src', room, file)))
    .flatMap((source) => [
      ...source.matchAll(/^export interface ((?!Resolved|Dial|Http2Client)\w+Options)\b[^{]*\{\n(.*?)^\}/gms),
    ])
    .map(([, name, body]): [string, string[]] => [
      name!,
      [...body!.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map(([, option]) => option!),
    ]),
);

test.each([
  ['BINARY_OPTION_NAMES', [...BINARY_OPTION_NAMES]],
  ['HTTP2_OPTION_NAMES', [...HTTP2_OPTION_NAMES]],
  ...interfaces,
])('lists every option of %s', (_, names) => {
  expect(names).not.toEqual([]);
  for (const name of names) expect(page, name).toContain(`\`${name}\``);
});

test('finds the options of the sinks, their parts, the sources and the transforms', () => {
  expect(interfaces.map(([name]) => name)).toEqual(
    expect.arrayContaining([
      'BinaryOptions',
      'Http2Options',
      'WindowOptions',
      'BackoffOptions',
      'TlsCredentialOptions',
      'ProviderTokenOptions',
      'FeedbackSourceOptions',
      'NdjsonParserOptions',
      'FrameEncoderOptions',
      'BinaryDeliveryOptions',
    ]),
  );
});

test('tells the defaults that the source has', () => {
  const options = read('src/engine/binary/options.ts');
  for (const [, path, value] of options.matchAll(
    /integerOption\('(?:\w+\.)?(\w+)'.*default: ([\d_]+) ?[,}]/g,
  )) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${path}\` |`));
    expect(row, path).toContain(Number(value!.replaceAll('_', '')).toLocaleString('en-US'));
  }
});
