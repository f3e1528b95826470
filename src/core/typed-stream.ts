/**
 * Types for streams that say what flows through them. Node's stream classes are not generic, so each interface here
 * extends one of them and declares the members again that take or yield a chunk, and the events.
 *
 * `pipeline()` must accept these streams. By its types it takes `NodeJS.WritableStream`, which writes text and bytes, and
 * streams that yield anything. Two declarations exist for that alone: the overloads of `write()` and `end()` that take
 * `never`, which no call matches, and the second half of the iterator, which `for await` does not see.
 */
import type { Duplex, Readable, Transform, Writable } from 'node:stream';

// biome-ignore lint/suspicious/noExplicitAny: Node's own types use it
type Listener = (...args: any[]) => void;

/** `write()` calls this when the stream has taken the chunk, or with the error that prevented it. */
type WriteCallback = (error?: Error | null) => void;

/** The events of every readable stream, with what their listeners receive. */
export interface ReadableEvents<Out> {
  close(): void;
  data(chunk: Out): void;
  end(): void;
  error(error: Error): void;
  pause(): void;
  readable(): void;
  resume(): void;
}

/** The events of every writable stream, with what their listeners receive. */
export interface WritableEvents {
  close(): void;
  drain(): void;
  error(error: Error): void;
  finish(): void;
  pipe(source: Readable): void;
  unpipe(source: Readable): void;
}

/** The events of a stream that is both. */
export interface DuplexEvents<Out> extends ReadableEvents<Out>, WritableEvents {}

/** How a listener is added: typed for the events of this stream. Node's own types allow every other name, too. */
interface ListenerMethods<Events, Self> {
  add<Name extends keyof Events>(event: Name, listener: Events[Name]): Self;
  add(event: string | symbol, listener: Listener): Self;
}

/** `on()` and its relatives, as methods: TypeScript compares the parameters of functions more strictly. */
export type AddListener<Events, Self> = ListenerMethods<Events, Self>['add'];

/**
 * `write()` and `end()` of a stream that takes `In`. No call matches the overloads that take `never`. The overload with
 * the chunk alone is the last one, because the compiler explains a mistake by the last one.
 */
export interface WriteMethods<In, Self> {
  write(chunk: In, encoding: BufferEncoding | undefined, callback?: WriteCallback): boolean;
  write(chunk: never, encoding?: unknown, callback?: WriteCallback): boolean;
  write(chunk: In, callback?: WriteCallback): boolean;
  end(callback?: () => void): Self;
  end(chunk: In, encoding: BufferEncoding | undefined, callback?: () => void): Self;
  end(chunk: never, encoding?: unknown, callback?: () => void): Self;
  end(chunk: In, callback?: () => void): Self;
}

/** An iterator that yields `Out`. */
// biome-ignore lint/suspicious/noExplicitAny: see the head of this file
export type IteratorOf<Out> = NodeJS.AsyncIterator<Out> & NodeJS.AsyncIterator<any>;

/** A Readable that yields `Out`. */
export interface ReadableOf<Out> extends Readable {
  [Symbol.asyncIterator](): IteratorOf<Out>;
  toArray(options?: { readonly signal?: AbortSignal }): Promise<Out[]>;
  on: AddListener<ReadableEvents<Out>, this>;
  once: AddListener<ReadableEvents<Out>, this>;
  addListener: AddListener<ReadableEvents<Out>, this>;
}

/** A Writable that takes `In`. `Events` are its events, for a stream that has more than every Writable. */
export interface WritableOf<In, Events = WritableEvents> extends Writable {
  write: WriteMethods<In, this>['write'];
  end: WriteMethods<In, this>['end'];
  on: AddListener<Events, this>;
  once: AddListener<Events, this>;
  addListener: AddListener<Events, this>;
}

/** A Transform from `In` to `Out`. */
export interface TransformOf<In, Out> extends Transform {
  write: WriteMethods<In, this>['write'];
  end: WriteMethods<In, this>['end'];
  [Symbol.asyncIterator](): IteratorOf<Out>;
  toArray(options?: { readonly signal?: AbortSignal }): Promise<Out[]>;
  on: AddListener<DuplexEvents<Out>, this>;
  once: AddListener<DuplexEvents<Out>, this>;
  addListener: AddListener<DuplexEvents<Out>, this>;
}

/** A Duplex that takes `In` and yields `Out`. */
export interface DuplexOf<In, Out> extends Duplex {
  write: WriteMethods<In, this>['write'];
  end: WriteMethods<In, this>['end'];
  [Symbol.asyncIterator](): IteratorOf<Out>;
  toArray(options?: { readonly signal?: AbortSignal }): Promise<Out[]>;
  on: AddListener<DuplexEvents<Out>, this>;
  once: AddListener<DuplexEvents<Out>, this>;
  addListener: AddListener<DuplexEvents<Out>, this>;
}
