/**
 * The protocol with nothing but node:tls: connects with a client certificate and says what happens to the
 * socket (connected, refused, data, error, close), then why that is not enough.
 *
 *     node examples/raw-tls-client.mjs [--host HOST --port PORT --cert FILE --key FILE --ca FILE]
 */
import { connect } from 'node:tls';
import { openTarget } from './target.mjs';

const target = await openTarget();

/** Connects, writes some bytes if they are given, and resolves when the socket is closed. */
async function talk(title, options, bytes) {
  console.log(`# ${title}`);
  const socket = connect(options);
  socket.on('secureConnect', () => {
    // Under TLS 1.3 the gateway has not checked the client certificate yet, so this proves nothing.
    console.log(`connected ${socket.getProtocol()}`);
    if (bytes !== undefined) socket.write(bytes);
  });
  socket.on('data', (data) => console.log(`data ${data.toString('hex')}`));
  socket.on('end', () => console.log('end: the gateway says no more'));
  socket.on('error', ({ code }) => console.log(code === 'ECONNREFUSED' ? 'refused' : `error ${code}`));
  await new Promise((done) => socket.on('close', done));
  console.log('close\n');
}

const { host, port, tls } = target.gateway;
const address = { host, port, ca: tls.ca };

// This frame of command 2 has only one item, identifier 7. The response is 08, status 02 (missing device
// token), identifier 00000007. A valid frame gets no response.
const frame = Buffer.from('0200000007' + '030004' + '00000007', 'hex');
await talk('a frame that the gateway cannot accept', { ...address, cert: tls.cert, key: tls.key }, frame);

// A client that the gateway refuses sees a connection that closes at once.
await talk('no client certificate', address, frame);

if (target.simulator !== undefined) {
  await target.close();
  await talk('a port where nothing listens', address);
}
