/** Calls `send(index)`, which returns a promise, `count` times, with at most `limit` under way. */
export async function sendAll(count, limit, send) {
  let next = 0;
  const lane = async () => {
    while (next < count) await send(next++);
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, lane));
}
