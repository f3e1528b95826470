/**
 * A TLS server on loopback whose connections can be reset. Shared by every service of the simulator.
 *
 * Connections are accepted as plain TCP and handed to a TLS server that never listens itself: a TLS socket
 * that `tls.Server` accepted cannot be reset, the TCP socket below it can.
 */
import net from 'node:net';
import tls from 'node:tls';
import { checkOptionNames, integerOption } from '../core/options.js';

/** The only addresses a simulator listens on. */
export const LOOPBACK_HOSTS = ['127.0.0.1', '::1'] as const;

/** An address that only this machine can reach. */
export type LoopbackHost = (typeof LOOPBACK_HOSTS)[number];

/** Limits for hostile and forgotten clients. */
export interface ConnectionLimits {
  /** Connections at a time, per service; more are dropped when they are accepted. @default 1024 */
  readonly maxConnections?: number;
  /** From accepting to the end of the TLS handshake. @default 10000 */
  readonly handshakeTimeoutMs?: number;
  /** A connection is closed if it receives no whole frame for this long; 0 disables this. @default 0 */
  readonly idleTimeoutMs?: number;
  /** How long a service continues to read from the client after its last packet. @default 5000 */
  readonly drainTimeoutMs?: number;
}

/** A connection with a completed handshake. Its errors are already handled, so listen for `close` only. */
export interface LoopbackConnection {
  readonly socket: tls.TLSSocket;
  /** Sends what the kernel already has, then RST. */
  reset(): void;
}

export interface TlsListenerOptions {
  readonly host: LoopbackHost;
  /** 0 or absent for any free one. */
  readonly port: number | undefined;
  /** The service, as the path of its options. */
  readonly name: string;
  readonly limits: Required<ConnectionLimits>;
  readonly tls: tls.TlsOptions;
  readonly onConnection: (connection: LoopbackConnection) => void;
}

export interface TlsListener {
  readonly host: LoopbackHost;
  readonly port: number;
  /** Stops listening and ends every connection at once. */
  close(): Promise<void>;
}

/** @throws {ApnsError} APNS_ERR_INVALID_OPTION */
export function checkConnectionLimits(limits: ConnectionLimits = {}): Required<ConnectionLimits> {
  checkOptionNames('limits', limits, [
    'maxConnections',
    'handshakeTimeoutMs',
    'idleTimeoutMs',
    'drainTimeoutMs',
  ]);
  const { maxConnections, handshakeTimeoutMs, idleTimeoutMs, drainTimeoutMs } = limits;
  return {
    maxConnections: integerOption('limits.maxConnections', maxConnections, { default: 1024 }),
    handshakeTimeoutMs: integerOption('limits.handshakeTimeoutMs', handshakeTimeoutMs, { default: 10_000 }),
    idleTimeoutMs: integerOption('limits.idleTimeoutMs', idleTimeoutMs, { default: 0, min: 0 }),
    drainTimeoutMs: integerOption('limits.drainTimeoutMs', drainTimeoutMs, { default: 5000, min: 0 }),
  };
}

/**
 * Listens, and rejects with the system's error where it cannot (a port in use).
 *
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION for a port that is none
 */
export function listenTls(options: TlsListenerOptions): Promise<TlsListener> {
  const { host, limits, onConnection } = options;
  const port = integerOption(`${options.name}.port`, options.port, { default: 0, min: 0, max: 0xffff });
  const open = new Map<number, net.Socket>();
  const handshakes = tls.createServer({
    ...options.tls,
    handshakeTimeout: limits.handshakeTimeoutMs,
  });
  handshakes.on('tlsClientError', (_error, socket) => socket.destroy());
  handshakes.on('secureConnection', (socket) => {
    // An alert that comes after the handshake is no more than an event to Node: the socket would stay as it is,
    // with writes whose callbacks never come.
    socket.on('error', () => socket.destroy());
    // Set this after the handshake, so that a client that ends during the handshake is closed immediately.
    socket.allowHalfOpen = true;
    const raw = open.get(socket.remotePort ?? -1);
    // The socket of a client that has disconnected has no port.
    if (raw === undefined) socket.destroy();
    else onConnection({ socket, reset: () => raw.resetAndDestroy() });
  });
  const server = net.createServer({ noDelay: true }, (raw) => {
    const { remotePort } = raw;
    raw.on('error', ignore);
    if (remotePort === undefined) {
      raw.destroy();
      return;
    }
    open.set(remotePort, raw);
    raw.once('close', () => open.get(remotePort) === raw && open.delete(remotePort));
    handshakes.emit('connection', raw);
  });
  server.maxConnections = limits.maxConnections;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject).on('error', ignore);
      resolve({
        host,
        port: (server.address() as net.AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const raw of open.values()) raw.destroy();
          }),
      });
    });
  });
}

/** An error of a connection closes it, and the `close` event handles that. */
function ignore(): void {}
