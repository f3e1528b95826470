/** Checks whether two names or descriptors refer to the same file. */
import type { Stats } from 'node:fs';

/** Whether both are the same regular file, under any name. */
export function isSameFile(one: Stats | undefined, other: Stats | undefined): boolean {
  return (
    one !== undefined && other !== undefined && one.isFile() && one.dev === other.dev && one.ino === other.ino
  );
}
