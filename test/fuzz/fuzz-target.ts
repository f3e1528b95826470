/** What the fuzzer has to know about one decoder. */
import type { Random } from './random.js';

/** Takes down one thing that a decoder told, as text that two decodings can be compared by. */
export type Tell = (event: string) => void;

/** One decoder at work on one input. All calls throw what the decoder throws. */
export interface Decoding {
  /** Returns false if it has stopped within the chunk. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most decoders never stop, and say nothing
  read(chunk: Buffer): boolean | void;
  /** Goes on where it has stopped; returns false if it has stopped again. */
  goOn?(): boolean;
  /** Says that no more will come. */
  end(): void;
}

/** A big-endian number in an input that says how long something is. */
export interface LengthField {
  readonly at: number;
  readonly bytes: 1 | 2 | 3 | 4;
}

/** One line of the table in `targets`. */
export interface FuzzTarget {
  /** What the command line calls it. */
  readonly name: string;
  /** For `--help`: what is decoded. */
  readonly about: string;
  /** Inputs without a fault, that mutations start from. */
  readonly golden: readonly Buffer[];
  /** Inputs that make the decoder hold as much as it can. */
  readonly hoards?: readonly Buffer[];
  /** What a decoder may still hold when it has read any input, the decoder itself included. */
  readonly maxHeldBytes: number;
  /** Makes another input to start from, mostly without a fault. */
  generate?(random: Random): Buffer;
  /** What mutations put in, beside random bytes. */
  readonly dictionary?: readonly (Buffer | string)[];
  lengthFields?(bytes: Buffer): readonly LengthField[];
  /** Makes a checksum right again, so that what stands behind it is reached. */
  mend?(bytes: Buffer): Buffer;
  open(tell: Tell): Decoding;
  /** The decoder is given whole inputs only. */
  readonly whole?: true;
  /** Whether an error is one that the contract names. Without it: every ApnsError is. */
  isTyped?(error: unknown): boolean;
  /** Checks whatever else must hold for an input, such as decode∘encode. Returns what does not. */
  law?(input: Buffer): string | undefined;
}

/** Has a chunk decoded to its end; `onCall` is called after each call of the decoder. */
export function decodeChunk(decoding: Decoding, chunk: Buffer, onCall: () => void = () => {}): void {
  for (let isDone = decoding.read(chunk); isDone === false; isDone = decoding.goOn!()) onCall();
  onCall();
}

/** A decoding of inputs that are there as a whole. */
export function decodeWhole(decode: (input: Buffer) => void): Decoding {
  return { read: decode, end() {} };
}

/** What a call throws, or `undefined`. */
export function thrownBy(call: () => void): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}
