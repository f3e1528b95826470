/** One stream after another into the same destination. */
import { Writable } from 'node:stream';

/**
 * A Writable that hands every object on to `into` and waits while that is full, but never ends it: several
 * pipelines in turn can end here. `each` sees every object first.
 */
export function createForwarder<T>(into: Writable, each: (value: T) => void = () => {}): Writable {
  return new Writable({
    objectMode: true,
    write(value: T, _encoding, callback) {
      each(value);
      if (into.write(value)) callback();
      else into.once('drain', callback);
    },
  });
}
