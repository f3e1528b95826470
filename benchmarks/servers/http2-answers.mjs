// An HTTP/2 server that answers every request with 200 after `latencyMs`, and does nothing else: it reads
// frame heads, not header blocks, so that it is never the slower end. With `isStalled` it reads nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:tls';

const {
  directory,
  latencyMs = 0,
  maxConcurrentStreams = 1000,
  isStalled = false,
} = JSON.parse(process.argv[2]);
const read = (name) => readFileSync(join(directory, name));

const PREFACE_BYTES = 24;
const HEAD_BYTES = 9;
const [DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE] = [0, 1, 4, 6, 8];
const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;
/** Index 8 of HPACK's static table. */
const STATUS_200 = 0x88;
const ANSWER_BYTES = HEAD_BYTES + 1;
const SMALLEST_UPDATE = 1 << 20;

const server = createServer({
  cert: read('server-cert.pem'),
  key: read('server-key.pem'),
  ALPNProtocols: ['h2'],
});
server.on('secureConnection', serve);
server.listen(0, '127.0.0.1', () => process.send({ host: '127.0.0.1', port: server.address().port }));
process.once('disconnect', () => process.exit());

function serve(socket) {
  socket.on('error', () => socket.destroy());
  const streams = Buffer.alloc(6);
  streams.writeUInt16BE(3, 0);
  streams.writeUInt32BE(maxConcurrentStreams, 2);
  send(socket, SETTINGS, 0, 0, streams);
  update(socket, 2 ** 30);
  if (isStalled) return;
  let rest = Buffer.alloc(0);
  let skip = PREFACE_BYTES;
  let consumed = 0;
  /** Streams to be answered, in order, each group with the time it is due. */
  const due = [];
  let asked = [];
  socket.on('data', (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = Math.min(skip, rest.length);
    skip -= at;
    while (skip === 0 && rest.length - at >= HEAD_BYTES) {
      const length = rest.readUIntBE(at, 3);
      if (rest.length - at < HEAD_BYTES + length) break;
      const type = rest[at + 3];
      const flags = rest[at + 4];
      if (type === DATA) consumed += length;
      if ((type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0)
        asked.push(rest.readUInt32BE(at + 5));
      if (type === SETTINGS && (flags & ACK) === 0) send(socket, SETTINGS, ACK, 0, Buffer.alloc(0));
      if (type === PING && (flags & ACK) === 0) {
        send(socket, PING, ACK, 0, Buffer.from(rest.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length)));
      }
      at += HEAD_BYTES + length;
    }
    rest = rest.subarray(at);
    if (consumed >= SMALLEST_UPDATE) {
      update(socket, consumed);
      consumed = 0;
    }
    if (asked.length === 0) return;
    if (latencyMs === 0) answer(socket, asked);
    else due.push({ at: performance.now() + latencyMs, streams: asked });
    asked = [];
  });
  if (latencyMs === 0) return;
  const timer = setInterval(() => {
    while (due.length > 0 && due[0].at <= performance.now()) answer(socket, due.shift().streams);
  }, 1);
  socket.once('close', () => clearInterval(timer));
}

function answer(socket, streams) {
  const bytes = Buffer.alloc(streams.length * ANSWER_BYTES);
  streams.forEach((stream, index) => {
    const at = index * ANSWER_BYTES;
    bytes[at + 2] = 1;
    bytes[at + 3] = HEADERS;
    bytes[at + 4] = END_STREAM | END_HEADERS;
    bytes.writeUInt32BE(stream, at + 5);
    bytes[at + HEAD_BYTES] = STATUS_200;
  });
  socket.write(bytes);
}

function update(socket, bytes) {
  const content = Buffer.alloc(4);
  content.writeUInt32BE(bytes);
  send(socket, WINDOW_UPDATE, 0, 0, content);
}

function send(socket, type, flags, stream, content) {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(content.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  socket.write(Buffer.concat([head, content]));
}
