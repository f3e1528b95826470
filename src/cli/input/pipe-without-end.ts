/** Pipes one stream after another into the same destination. */
import { Writable } from 'node:stream';

/** The filter that {@link pipeWithoutEnd} applies to every object. */
export interface PipeWithoutEndOptions<T> {
  /** Called with every object. An object for which it returns false is left out. */
  each(value: T): boolean;
  /** Called after every object. True means: wait until `release` is called. */
  hold?(release: () => void): boolean;
}

/**
 * A Writable that passes every object to `into`, and waits while that is full. It never ends `into`, so several
 * pipelines can end here, one after another.
 */
export function pipeWithoutEnd<T>(into: Writable, { each, hold }: PipeWithoutEndOptions<T>): Writable {
  return new Writable({
    objectMode: true,
    write(value: T, _encoding, callback) {
      if (!each(value)) {
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
