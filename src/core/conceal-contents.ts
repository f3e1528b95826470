/** Streams that can be printed: what waits in one is device tokens, and none of the business of a log. */
import type { Readable, Writable } from 'node:stream';
import { type InspectOptionsStylized, inspect } from 'node:util';

/** What the states of Node's own streams would be shown as is replaced by this. */
interface StreamFacts {
  readonly counts?: object;
  readonly readableLength?: number;
  readonly writableLength?: number;
  readonly destroyed: boolean;
  /** The code of what it failed with. */
  readonly failure?: string;
}

type AnyStream = Partial<Pick<Readable & Writable, 'readableLength' | 'writableLength' | 'errored'>> & {
  readonly counts?: object;
  readonly destroyed: boolean;
};

/**
 * Has `util.inspect` (and so `console.log` and whatever logs with it), with any options, and `JSON.stringify`
 * show how much is in the streams of a class, but not what. Without it both would go into the buffers that
 * Node's streams have as ordinary properties.
 */
export function concealContents({ prototype }: { readonly prototype: object }): void {
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
