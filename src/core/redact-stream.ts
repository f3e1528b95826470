/** Hides the buffered data of streams when they are printed, because the data contains device tokens. */
import type { Readable, Writable } from 'node:stream';
import { type InspectOptionsStylized, inspect } from 'node:util';

/** The facts that are shown instead of the internal state of Node's streams. */
interface StreamFacts {
  readonly counts?: object;
  readonly readableLength?: number;
  readonly writableLength?: number;
  readonly destroyed: boolean;
  /** The code of the error that the stream failed with. */
  readonly failure?: string;
}

type AnyStream = Partial<Pick<Readable & Writable, 'readableLength' | 'writableLength' | 'errored'>> & {
  readonly counts?: object;
  readonly destroyed: boolean;
};

/**
 * Makes `util.inspect` (and so `console.log` and loggers) and `JSON.stringify` show how much the streams of a class
 * buffer, but not the data. Without it, both would print the buffers, which are ordinary properties of Node's streams.
 */
export function redactStream({ prototype }: { readonly prototype: object }): void {
  const define = (key: string | symbol, value: unknown): void => {
    Object.defineProperty(prototype, key, { value, configurable: true, writable: true });
  };
  define(inspect.custom, function (this: AnyStream, _depth: number, options: InspectOptionsStylized): string {
    return `${this.constructor.name} ${inspect(factsOf(this), options)}`;
  });
  define('toJSON', function (this: AnyStream): StreamFacts {
    return factsOf(this);
  });
}

function factsOf({ counts, readableLength, writableLength, destroyed, errored }: AnyStream): StreamFacts {
  return {
    ...(counts === undefined ? {} : { counts: { ...counts } }),
    ...(readableLength === undefined ? {} : { readableLength }),
    ...(writableLength === undefined ? {} : { writableLength }),
    destroyed,
    ...(errored ? { failure: (errored as NodeJS.ErrnoException).code ?? errored.name } : {}),
  };
}
