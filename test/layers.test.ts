/** The layers of src/: which room may import from which. The picture is in ARCHITECTURE.md. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './support/node-process.js';

/** From the ground up. A file may import from its own room, and from rooms on lines above. Rooms on one line are strangers. */
const LAYERS = `
core
telemetry
connection
protocol/packet-reader  protocol/uint32
protocol/http2
protocol/hpack
protocol/apns  protocol/json
protocol/binary
rules
protocol/index
engine
engine/binary  engine/http2
transforms
sinks
sources  deliveries  channels
index
simulator
simulator/pki
simulator/binary  simulator/feedback  simulator/http2
simulator/simulator
simulator/index
cli
cli/output
cli/args
cli/input
cli/send
cli/resume
cli/credentials
cli/commands
cli/run
cli/start
cli/main
`;

/** What a room must not import although it lies below: whole modules of Node, and rooms. */
const FORBIDDEN: Record<string, RegExp> = {
  protocol: /^(?:node:(?!buffer$)|connection\/|telemetry\/)/,
  rules: /^(?:node:(?!buffer$)|connection\/|telemetry\/)/,
  engine: /^node:stream/,
  index: /^(?:simulator|cli)\//,
  simulator: /^(?:index$|engine\/|deliveries\/|sources\/|channels\/)/,
};

const rooms = LAYERS.trim()
  .split('\n')
  .flatMap((line, layer) => line.split('  ').map((room) => ({ room, layer })))
  .sort((a, b) => b.room.length - a.room.length);

/** The longest entry of the table that names the file or a folder around it. */
function roomOf(file: string): { room: string; layer: number } {
  const found = rooms.find(({ room }) => file === room || file.startsWith(`${room}/`));
  if (found === undefined) throw new Error(`src/${file}.ts is in no room of the table`);
  return found;
}

/** The modules that a file imports, types included: `node:*`, or a path below src/ without its extension. */
function importsOf(file: string): string[] {
  const source = readFileSync(join(ROOT, 'src', `${file}.ts`), 'utf8');
  const specifiers = [...source.matchAll(/^(?:import|export)\b[^'"]*?'([^']+)';|\bimport\('([^']+)'\)/gm)];
  return specifiers
    .map(([, named, dynamic]) => (named ?? dynamic)!)
    .map((name) =>
      name.startsWith('.') ? posix.join(posix.dirname(file), name).replace(/\.js$/, '') : name,
    );
}

const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.replaceAll('\\', '/').replace(/\.ts$/, ''));

test('imports only run down', () => {
  const upward = files.flatMap((file) => {
    const from = roomOf(file);
    return importsOf(file)
      .filter((name) => !name.startsWith('node:') && files.includes(name))
      .filter((name) => {
        const to = roomOf(name);
        return to.room !== from.room && to.layer >= from.layer;
      })
      .map((name) => `${file} imports ${name}`);
  });
  expect(upward).toEqual([]);
});

test('no room imports what it must not know', () => {
  const known = files.flatMap((file) =>
    Object.entries(FORBIDDEN)
      .filter(([room]) => file === room || file.startsWith(`${room}/`))
      .flatMap(([, forbidden]) => importsOf(file).filter((name) => forbidden.test(name)))
      .map((name) => `${file} imports ${name}`),
  );
  expect(known).toEqual([]);
});

test('rooms are small: at most 16 files in a folder, and 400 lines in a file', () => {
  const sizes = new Map<string, number>();
  for (const file of files) sizes.set(posix.dirname(file), (sizes.get(posix.dirname(file)) ?? 0) + 1);
  expect([...sizes].filter(([, size]) => size > 16)).toEqual([]);
  const lines = files.map(
    (file) => readFileSync(join(ROOT, 'src', `${file}.ts`), 'utf8').split('\n').length - 1,
  );
  expect(files.filter((_, index) => lines[index]! > 400)).toEqual([]);
  const median = lines.toSorted((a, b) => a - b)[lines.length >> 1];
  expect(median).toBeLessThanOrEqual(100);
});
