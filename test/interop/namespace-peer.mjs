// The other end of a link that will be cut: a gateway, a feedback service or an HTTP/2 gateway in a process, and a
// network namespace, of its own. What it has taken it says on standard output, which no cut reaches.
//
// node namespace-peer.mjs, with { kind, host, cert, key, ... } as one line of JSON on stdin, at whose end it ends, so
// that it never outlives its test; prints `port N`, then `took TOKEN` for each notification.

import { once } from 'node:events';
import http2 from 'node:http2';
import { createInterface } from 'node:readline';
import tls from 'node:tls';

const [line] = await once(
  createInterface(process.stdin).on('close', () => process.exit()),
  'line',
);
const { kind, host, cert, key, answers = 0, maxConcurrentStreams = 100, tuples = '' } = JSON.parse(line);

function say(line) {
  process.stdout.write(`${line}\n`);
}

/** Frames of command 2 that begin with the identifier; a checkpoint, which has an empty token, is named. */
function serveFrames(socket) {
  let bytes = Buffer.alloc(0);
  socket
    .on('error', () => {})
    .on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
        const frame = bytes.subarray(5, 5 + bytes.readUInt32BE(1));
        bytes = bytes.subarray(5 + frame.length);
        const items = new Map();
        for (let at = 0; at < frame.length; at += 3 + frame.readUInt16BE(at + 1)) {
          items.set(frame[at], frame.subarray(at + 3, at + 3 + frame.readUInt16BE(at + 1)));
        }
        if (items.get(1).length === 0) socket.end(Buffer.concat([Buffer.of(8, 2), items.get(3)]));
        else say(`took ${items.get(1).toString('hex')}`);
      }
    });
}

function serveTuples(socket) {
  socket
    .on('error', () => {})
    .resume()
    .write(Buffer.from(tuples, 'hex'));
}

function createHttp2Server() {
  let taken = 0;
  const server = http2.createSecureServer({ cert, key, settings: { maxConcurrentStreams } });
  server.on('session', (session) => session.on('error', () => {}));
  return server.on('stream', (stream, headers) => {
    stream
      .on('error', () => {})
      .resume()
      .on('end', () => {
        say(`took ${headers[':path'].split('/').at(-1)}`);
        if (++taken <= answers) stream.respond({ ':status': 200 }, { endStream: true });
      });
  });
}

const server =
  kind === 'http2'
    ? createHttp2Server()
    : tls.createServer({ cert, key }, kind === 'gateway' ? serveFrames : serveTuples);
server.listen(0, host, () => say(`port ${server.address().port}`));
