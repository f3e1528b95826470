/** A TLS client that knows nothing of this package: what the tests see is what was on the wire. */
import net from 'node:net';
import tls from 'node:tls';
import { onTestFinished } from 'vitest';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/index.js';

/** How a connection ended. */
interface WireEnd {
  /** Everything received. */
  readonly bytes: Buffer;
  /** Received TLS records, as far as they were seen one by one. */
  readonly chunks: readonly Buffer[];
  /** Whether the peer closed in order (a FIN), as opposed to an error or nothing. */
  readonly ended: boolean;
  /** The system's error code, such as ECONNRESET. */
  readonly errorCode: string | undefined;
}

interface RawClient {
  readonly socket: tls.TLSSocket;
  readonly chunks: readonly Buffer[];
  /** Settles when the connection is closed, and never rejects. */
  readonly closed: Promise<WireEnd>;
}

interface Service {
  readonly host: string;
  readonly port: number;
}

interface ClientCredentials {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Starts a simulator that is closed when the test is over. */
export async function startSimulator(options?: SimulatorOptions): Promise<Simulator> {
  const simulator = await createSimulator(options);
  onTestFinished(() => simulator.close());
  return simulator;
}

/** Bytes from hex digits, with spaces between the fields. */
export function fromHex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
}

/** Connects; resolves when the handshake is done as this side sees it. */
export async function connectRaw(
  service: Service,
  credentials: ClientCredentials,
  options: tls.ConnectionOptions = {},
): Promise<RawClient> {
  const { ca, cert, key } = credentials;
  const { host, port } = service;
  // The types of Node 20 do not know allowHalfOpen here; a variable of its own is not checked for extras.
  const halfOpen = { allowHalfOpen: true };
  const defaults: tls.ConnectionOptions = { host, port, ...halfOpen };
  if (ca !== undefined) defaults.ca = ca;
  if (cert !== undefined) defaults.cert = cert;
  if (key !== undefined) defaults.key = key;
  const socket = tls.connect({ ...defaults, ...options });
  const client = watch(socket);
  onTestFinished(() => void socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
  });
  return client;
}

/** Connects, writes, and tells how it ended. Closes its own side when the peer has closed its. */
export async function exchange(
  service: Service,
  credentials: ClientCredentials,
  bytes: Uint8Array,
): Promise<WireEnd> {
  const { socket, closed } = await connectRaw(service, credentials);
  socket.once('end', () => socket.end());
  socket.write(bytes);
  return closed;
}

/** Plain TCP: writes `bytes`, if any; resolves when the peer has ended the connection. */
export function exchangePlain(service: Service, bytes: Uint8Array = Buffer.alloc(0)): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(service.port, service.host, () => socket.write(bytes));
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    socket.resume().once('close', () => resolve());
  });
}

function watch(socket: tls.TLSSocket): RawClient {
  const chunks: Buffer[] = [];
  let ended = false;
  let errorCode: string | undefined;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.once('end', () => {
    ended = true;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    errorCode = error.code;
  });
  const closed = new Promise<WireEnd>((resolve) => {
    socket.once('close', () => resolve({ bytes: Buffer.concat(chunks), chunks, ended, errorCode }));
  });
  return { socket, chunks, closed };
}
