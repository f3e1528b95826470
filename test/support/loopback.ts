/** Loopback servers and certificates for tests; everything opened here is closed when the test ends. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { onTestFinished } from 'vitest';
import {
  type Authority,
  mintAuthority,
  mintServerCertificate,
} from '../../src/simulator/pki/certificates.js';

/** The authority that the certificates of a test file come from. */
export const authority: Authority = mintAuthority();

const server = mintServerCertificate(authority);

/** Listens on a free port of 127.0.0.1; the server and its sockets are gone when the test is finished. */
export async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const listener: Server = createServer({ allowHalfOpen: false }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => {
      listener.close(() => resolve());
    });
  });
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

/**
 * Listens with TLS, by default with a certificate for loopback from {@link authority}.
 *
 * @param onSecure given the TLS socket and, for what only that can do, the raw one under it
 * @param onRaw given every raw socket, before the handshake
 */
export function listenTls(
  onSecure: (socket: TLSSocket, raw: Socket) => void,
  options: TlsOptions = {},
  onRaw: (raw: Socket) => void = () => {},
): Promise<number> {
  return listen((raw) => {
    onRaw(raw);
    const tls = createTlsServer({ ...server, ca: authority.cert, ...options }, (socket) => {
      socket.on('error', () => {});
      onSecure(socket, raw);
    });
    tls.emit('connection', raw);
  });
}

/** A port that nothing listens on: it was free a moment ago. */
export async function unusedPort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  return port;
}
