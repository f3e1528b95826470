/** Golden packets with something wrong in them. */
import type { FuzzTarget } from './fuzz-target.js';
import type { Random } from './random.js';

/** Some defects show only where there is much of something. */
const MAX_BYTES = 64 * 1024;
const LARGE_BYTES = 512 * 1024;

/** Numbers at which something changes: by their signs, their widths, and one beyond. */
const EDGES = [0, 1, 2, 0x7e, 0x7f, 0x80, 0xff, 0x100, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xfffe, 0xffff];
const WIDE_EDGES = [0x10000, 0x7fffff, 0xfffffe, 0xffffff, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xffffffff];

type Mutation = (bytes: Buffer, random: Random, target: FuzzTarget) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  flipBits,
  setByte,
  setLength,
  setLength,
  truncate,
  remove,
  duplicate,
  insert,
  splice,
  append,
];

/** The input of one case: now and then without a fault, mostly with one to four. */
export function mutant(target: FuzzTarget, random: Random): Buffer {
  let bytes = original(target, random);
  if (random.oneIn(16)) return bytes;
  for (let left = 1 + random.below(4); left > 0; left--) {
    bytes = random.pick(MUTATIONS)(bytes, random, target).subarray(0, MAX_BYTES);
  }
  if (random.oneIn(300)) bytes = repeat(bytes, random);
  return target.mend !== undefined && random.oneIn(2) ? target.mend(bytes) : bytes;
}

/** An input in pieces: at a few places, now and then everywhere, with empty pieces in between. */
export function cut(input: Buffer, random: Random): readonly Buffer[] {
  if (random.oneIn(8) && input.length <= 4096) {
    return Array.from(input, (_, at) => input.subarray(at, at + 1));
  }
  const edges = Array.from({ length: 1 + random.below(6) }, () => random.below(input.length + 1));
  // No more than 64 KiB at once.
  for (let edge = 0; edge < input.length; edge += 64 * 1024) edges.push(edge);
  edges.push(0, input.length);
  edges.sort((a, b) => a - b);
  return edges.slice(1).map((edge, i) => input.subarray(edges[i], edge));
}

function original(target: FuzzTarget, random: Random): Buffer {
  return target.generate !== undefined && random.oneIn(2)
    ? target.generate(random)
    : Buffer.from(random.pick(target.golden));
}

function flipBits(bytes: Buffer, random: Random): Buffer {
  for (let left = 1 + random.below(3); left > 0 && bytes.length > 0; left--) {
    bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  }
  return bytes;
}

function setByte(bytes: Buffer, random: Random): Buffer {
  if (bytes.length > 0) {
    bytes[random.below(bytes.length)] = random.oneIn(2) ? random.below(256) : random.pick(EDGES);
  }
  return bytes;
}

/** Puts an edge value into a length field, or where one might be; or a length that is wrong by little. */
function setLength(bytes: Buffer, random: Random, target: FuzzTarget): Buffer {
  const known = target.lengthFields?.(bytes) ?? [];
  const field =
    known.length > 0 && !random.oneIn(4)
      ? random.pick(known)
      : { at: random.below(bytes.length), bytes: random.pick([1, 2, 3, 4] as const) };
  if (field.at + field.bytes > bytes.length) return bytes;
  const before = bytes.readUIntBE(field.at, field.bytes);
  const value = random.pick([
    random.pick(EDGES),
    random.pick(WIDE_EDGES),
    before + 1,
    before - 1,
    bytes.length - field.at - field.bytes,
    256 ** field.bytes - 1,
  ]);
  bytes.writeUIntBE(Math.max(0, value) % 256 ** field.bytes, field.at, field.bytes);
  return bytes;
}

function truncate(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  return random.oneIn(4) ? bytes.subarray(at) : bytes.subarray(0, at);
}

function remove(bytes: Buffer, random: Random): Buffer {
  const [start, end] = range(bytes, random);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
}

function duplicate(bytes: Buffer, random: Random): Buffer {
  const [start, end] = random.oneIn(2) ? [0, bytes.length] : range(bytes, random);
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
}

function insert(bytes: Buffer, random: Random, { dictionary = [] }: FuzzTarget): Buffer {
  const word =
    dictionary.length > 0 && !random.oneIn(4)
      ? Buffer.from(random.pick(dictionary) as string)
      : random.bytes(1 + random.below(8));
  const at = random.below(bytes.length + 1);
  const after = random.oneIn(3) ? Math.min(at + word.length, bytes.length) : at;
  return Buffer.concat([bytes.subarray(0, at), word, bytes.subarray(after)]);
}

/** The beginning of one input and the end of another. */
function splice(bytes: Buffer, random: Random, target: FuzzTarget): Buffer {
  const other = original(target, random);
  return Buffer.concat([
    bytes.subarray(0, random.below(bytes.length + 1)),
    other.subarray(random.below(other.length + 1)),
  ]);
}

function append(bytes: Buffer, random: Random, target: FuzzTarget): Buffer {
  return Buffer.concat([bytes, original(target, random)]);
}

/** Much of one piece. */
function repeat(bytes: Buffer, random: Random): Buffer {
  const [start, end] = range(bytes, random);
  if (start === end) return bytes;
  const times = Math.ceil(random.pick([MAX_BYTES, MAX_BYTES, LARGE_BYTES]) / (end - start));
  const piece = bytes.subarray(start, end);
  return Buffer.concat([
    bytes.subarray(0, start),
    ...Array.from({ length: times }, () => piece),
    bytes.subarray(end),
  ]);
}

function range(bytes: Buffer, random: Random): [start: number, end: number] {
  const start = random.below(bytes.length + 1);
  const most = random.oneIn(3) ? bytes.length : 16;
  return [start, Math.min(bytes.length, start + random.below(most + 1))];
}
