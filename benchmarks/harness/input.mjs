// The notifications that every workload sends: the same ones as objects, as NDJSON lines and as a stream.
//
// Each line is as long as every other, so that any number of them is a piece of the file that begins at 0.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const SCRATCH = join(ROOT, '.tmp', 'bench');
export const TOPIC = 'com.example.app';

/** As many device tokens as there are files that nghttpd serves. */
export const DEVICE_TOKENS = Array.from({ length: 1000 }, (_, index) =>
  createHash('sha256').update(`device ${index}`).digest('hex'),
);

/** A notification of its own for each index, as an app would make it: a new object every time. */
export function createNotification(index) {
  return { deviceToken: DEVICE_TOKENS[index % DEVICE_TOKENS.length], payload: createPayload(index) };
}

export function createPayload(index) {
  return {
    aps: {
      alert: {
        title: 'Your table is ready',
        body: `Café Lumière holds table ${1000 + (index % 9000)} for fifteen minutes. Please come to the door.`,
      },
      badge: 10 + (index % 90),
      sound: 'default',
    },
    order: 1_000_000_000 + index,
  };
}

const toLine = (index) => `${JSON.stringify(createNotification(index))}\n`;

export const LINE_BYTES = Buffer.byteLength(toLine(0));

/** Makes the file of `lines` notifications unless it is there, and returns its path. */
export function prepareInput(lines) {
  const path = join(SCRATCH, `input-${lines}.ndjson`);
  if (existsSync(path) && statSync(path).size === lines * LINE_BYTES) return path;
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, '');
  for (let start = 0; start < lines; start += 10_000) {
    const length = Math.min(10_000, lines - start);
    writeFileSync(unfinished, Array.from({ length }, (_, i) => toLine(start + i)).join(''), { flag: 'a' });
  }
  renameSync(unfinished, path);
  return path;
}

/** A stream of `count` lines; a file that is too short for that is read again and again. */
export function openInput(path, count) {
  const bytes = count * LINE_BYTES;
  const { size } = statSync(path);
  if (bytes <= size) return createReadStream(path, { end: bytes - 1 });
  return Readable.from(repeat(path, size, bytes), { objectMode: false });
}

async function* repeat(path, size, bytes) {
  for (let rest = bytes; rest > 0; rest -= size) {
    yield* createReadStream(path, { end: Math.min(rest, size) - 1 });
  }
}
