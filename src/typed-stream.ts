/**
 * Node's stream classes are not generic. These types carry what flows through a stream in optional
 * properties that never exist at run time, so that `pipeline()` still accepts the streams as they are.
 */
import type { Duplex, Readable, Transform, Writable } from 'node:stream';

/** A Readable that yields `Out`, also to `for await`. */
export interface ReadableOf<Out> extends Readable {
  readonly '~out'?: Out;
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Out>;
}

/** A Writable that takes `In`. */
export interface WritableOf<In> extends Writable {
  readonly '~in'?: In;
}

/** A Transform from `In` to `Out`. */
export interface TransformOf<In, Out> extends Transform {
  readonly '~in'?: In;
  readonly '~out'?: Out;
}

/** A Duplex that takes `In` and yields `Out`. */
export interface DuplexOf<In, Out> extends Duplex {
  readonly '~in'?: In;
  readonly '~out'?: Out;
}
