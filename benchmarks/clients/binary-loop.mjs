// The plain loop: split, JSON.parse, JSON.stringify(payload), encode into slabs, write to TLS. No streams of
// its own, no checks, no accounting, no outcomes.
import { openInput } from '../harness/input.mjs';
import { MAX_FRAME_BYTES, openSocket, SLAB_BYTES, writeFrame } from './slab.mjs';

export async function prepare(job, progress) {
  return async (count) => {
    const socket = await openSocket(job);
    let slab = Buffer.allocUnsafe(SLAB_BYTES);
    let end = 0;
    let identifier = 0;
    let rest = '';
    progress.count = () => identifier;
    for await (const chunk of openInput(job.input, count).setEncoding('utf8')) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const { deviceToken, payload } = JSON.parse(line);
        end = writeFrame(slab, end, deviceToken, JSON.stringify(payload), ++identifier);
        if (end < SLAB_BYTES - MAX_FRAME_BYTES) continue;
        const wait = socket.write(slab.subarray(0, end));
        if (wait !== undefined) await wait;
        slab = Buffer.allocUnsafe(SLAB_BYTES);
        end = 0;
      }
    }
    await socket.write(slab.subarray(0, end));
    await socket.end();
  };
}
