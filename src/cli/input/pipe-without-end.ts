/** Pipes one stream after another into the same destination. */
import { Writable } from 'node:stream';

/** The filter that {@link pipeWithoutEnd} applies to every object. */
export interface PipeWithoutEndOptions<T> {
  /** Sees every object first; one that it returns `false` for is left out. */
  each?(value: T): boolean | undefined;
  /** True when no more may go on until `release` is called. Asked after every object. */
  hold?(release: () => void): boolean;
}

/**
 * A Writable that hands every object on to `into` and waits while that is full, but never ends it: several
 * pipelines in turn can end here.
 */
export function pipeWithoutEnd<T>(into: Writable, { each, hold }: PipeWithoutEndOptions<T> = {}): Writable {
  return new Writable({
    objectMode: true,
    write(value: T, _encoding, callback) {
      if (each?.(value) === false) {
        callback();
        return;
      }
      const next = (): void => {
        if (!hold?.(callback)) callback();
      };
      if (into.write(value)) next();
      else into.once('drain', next);
    },
  });
}
