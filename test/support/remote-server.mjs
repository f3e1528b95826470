// A TLS server in a process of its own, for tests that block their own event loop.
//
// node remote-server.mjs, with { cert, key, on, replies, everyMs } as JSON on stdin; prints its port. It sends `replies`
// (hex) one after the other, beginning with the connection or with its first bytes as `on` says, and then closes.
import { json } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { createServer } from 'node:tls';

const { cert, key, on, replies, everyMs } = await json(process.stdin);

const server = createServer({ cert, key }, async (socket) => {
  socket.on('error', () => {});
  socket.resume();
  if (on === 'data') await new Promise((resolve) => socket.once('data', resolve));
  for (const reply of replies) {
    socket.write(Buffer.from(reply, 'hex'));
    await setTimeout(everyMs);
  }
  socket.end();
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
