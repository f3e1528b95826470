/**
 * Node's stream classes are not generic. These types carry what flows through a stream in optional
 * properties that never exist at run time, in `toArray()`, and in what listens to `data`.
 *
 * Neither `write()` nor `for await` over a Transform or a Duplex is narrowed: by its types, `pipeline()` takes
 * only streams between others that take and yield anything. Write `of stream as AsyncIterable<Out>` there.
 */
import type { Duplex, Readable, Transform, Writable } from 'node:stream';

// biome-ignore lint/suspicious/noExplicitAny: what Node's own types say
type Listener = (...args: any[]) => void;

/** A Readable that yields `Out`. */
export interface ReadableOf<Out> extends Readable {
  readonly '~out'?: Out;
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Out>;
  toArray(options?: { readonly signal?: AbortSignal }): Promise<Out[]>;
  on(event: 'data', listener: (chunk: Out) => void): this;
  on(event: string | symbol, listener: Listener): this;
  once(event: 'data', listener: (chunk: Out) => void): this;
  once(event: string | symbol, listener: Listener): this;
}

/** A Writable that takes `In`. */
export interface WritableOf<In> extends Writable {
  readonly '~in'?: In;
}

/** A Transform from `In` to `Out`. */
export interface TransformOf<In, Out> extends Transform {
  readonly '~in'?: In;
  readonly '~out'?: Out;
  toArray(options?: { readonly signal?: AbortSignal }): Promise<Out[]>;
  on(event: 'data', listener: (chunk: Out) => void): this;
  on(event: string | symbol, listener: Listener): this;
  once(event: 'data', listener: (chunk: Out) => void): this;
  once(event: string | symbol, listener: Listener): this;
}

/** A Duplex that takes `In` and yields `Out`. */
export interface DuplexOf<In, Out> extends Duplex {
  readonly '~in'?: In;
  readonly '~out'?: Out;
  toArray(options?: { readonly signal?: AbortSignal }): Promise<Out[]>;
  on(event: 'data', listener: (chunk: Out) => void): this;
  on(event: string | symbol, listener: Listener): this;
  once(event: 'data', listener: (chunk: Out) => void): this;
  once(event: string | symbol, listener: Listener): this;
}
