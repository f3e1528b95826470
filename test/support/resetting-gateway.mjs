// A gateway in a process of its own that names a notification and is gone: it takes the first bytes of a
// connection, stops reading, writes an error response, and resets while the client is still writing.
// One event loop for both ends would never show the race between the two.
//
// node resetting-gateway.mjs, with { cert, key, version, packet } as JSON on stdin; prints its port.
import { createServer } from 'node:net';
import { json } from 'node:stream/consumers';
import { createSecureContext, TLSSocket } from 'node:tls';

const { cert, key, version, packet } = await json(process.stdin);
const secureContext = createSecureContext({ cert, key, minVersion: version, maxVersion: version });

const server = createServer((raw) => {
  raw.on('error', () => {});
  // A TLSSocket made by tls.Server cannot be reset; one that wraps the raw socket can, through that.
  const socket = new TLSSocket(raw, { isServer: true, secureContext });
  socket.on('error', () => {});
  socket.once('data', () => {
    socket.pause();
    socket.write(Buffer.from(packet, 'hex'), () => raw.resetAndDestroy());
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
