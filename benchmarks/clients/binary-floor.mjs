// Frames that were encoded beforehand, written to TLS: what the transport costs.
import { createNotification } from '../harness/input.mjs';
import { MAX_FRAME_BYTES, openSocket, SLAB_BYTES, writeFrame } from './slab.mjs';

export async function prepare(job) {
  const slab = Buffer.alloc(SLAB_BYTES);
  const ends = [0];
  for (let end = 0; end < SLAB_BYTES - MAX_FRAME_BYTES; ) {
    const { deviceToken, payload } = createNotification(ends.length);
    end = writeFrame(slab, end, deviceToken, JSON.stringify(payload), ends.length);
    ends.push(end);
  }
  const frames = ends.length - 1;
  return async (count) => {
    const socket = await openSocket(job);
    for (let rest = count; rest > 0; rest -= frames) {
      await socket.write(slab.subarray(0, ends[Math.min(rest, frames)]));
    }
    await socket.end();
  };
}
