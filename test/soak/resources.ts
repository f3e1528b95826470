/** What a process holds: memory and handles, to compare the end of a soak with its start. */
import { getHeapStatistics } from 'node:v8';

export interface Resources {
  readonly rssMb: number;
  readonly heapMb: number;
  /** Memory of buffers, outside of the heap. */
  readonly externalMb: number;
  /** What keeps the event loop going, by kind. */
  readonly handles: Readonly<Record<string, number>>;
}

/** The most that the heap may grow to, as Node was told with `--max-old-space-size`. */
export const HEAP_LIMIT_MB: number = toMb(getHeapStatistics().heap_size_limit);

export function readResources(): Resources {
  const { rss, heapUsed, external } = process.memoryUsage();
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  return { rssMb: toMb(rss), heapMb: toMb(heapUsed), externalMb: toMb(external), handles };
}

/** The same when nothing is left that need not be. */
export async function readSettledResources(): Promise<Resources> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    // Finalizers run between collections.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return readResources();
}

/** How many handles there are, of any kind. */
export function handleCount({ handles }: Resources): number {
  return Object.values(handles).reduce((sum, count) => sum + count, 0);
}

function toMb(bytes: number): number {
  return Math.round(bytes / 104_857.6) / 10;
}
