/** One TLS connection, made within a deadline or not at all. */
import type { Socket, TcpNetConnectOpts } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { ApnsError, formatPeer, toApnsError } from '../errors.js';
import { closedAfterHandshake } from './connection-error.js';
import { openTunnel } from './proxy.js';
import { comesFromSimulator, isApple } from './simulator-authority.js';
import type { Target } from './target.js';

/** How one connection is made. */
export interface DialOptions {
  /** Ends the attempt. */
  signal?: AbortSignal;
  /** The protocol to agree on inside TLS (RFC 7301), such as `h2`. */
  alpn?: string;
}

/** Long enough not to be noticed by a NAT that drops at 350 s, short enough to tell a dead peer the same day. */
const KEEPALIVE_MS = 60_000;

/**
 * Connects, through the proxy if there is one, and completes the TLS handshake.
 *
 * With TLS 1.3 that does not mean the gateway took the client certificate: it checks it after this
 * side's handshake is complete, and a refusal shows as a close soon afterwards.
 *
 * The socket comes with a listener that keeps an early 'error' from ending the process; `receive()`
 * reports it.
 *
 * @throws {ApnsError} whatever went wrong, by code. APNS_ERR_CONNECT_TIMEOUT after `connectTimeoutMs` for
 *   everything together, APNS_ERR_CLOSED if aborted, APNS_ERR_VERIFICATION_DISABLED before anything is
 *   dialled, APNS_ERR_NOT_HTTP2 if the peer does not agree on `alpn`. Every failure leaves no socket open.
 */
export async function dial(target: Target, options: DialOptions = {}): Promise<TLSSocket> {
  refuseWithoutVerification();
  const { signal, alpn } = options;
  const attempt = new AbortController();
  const timer = setTimeout(() => attempt.abort(timeoutError(target)), target.connectTimeoutMs);
  const onAbort = (): void => attempt.abort(abortError(target, signal?.reason));
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    attempt.signal.throwIfAborted();
    const tunnel = target.proxy && (await openTunnel(target.proxy, target, attempt.signal));
    if (tunnel !== undefined) refuseWithoutVerification(tunnel);
    return await handshake(target, alpn, tunnel, attempt.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/**
 * Node is told to check certificates below whatever its environment says; somebody who has set this wants, or
 * has, no checks elsewhere in the process, and is to hear of it rather than believe it works.
 *
 * @param tunnel a socket that must not stay open then
 */
function refuseWithoutVerification(tunnel?: Socket): void {
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return;
  tunnel?.destroy();
  throw new ApnsError(
    'APNS_ERR_VERIFICATION_DISABLED',
    'NODE_TLS_REJECT_UNAUTHORIZED=0 is set: unset it, and trust the authority of the gateway with tls.ca',
  );
}

function handshake(
  target: Target,
  alpn: string | undefined,
  tunnel: Socket | undefined,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const options: ConnectionOptions & Pick<TcpNetConnectOpts, 'autoSelectFamilyAttemptTimeout'> = {
      host: target.host,
      port: target.port,
      secureContext: target.secureContext,
      // Said again although it is the default, so that nothing outside can say otherwise.
      rejectUnauthorized: true,
      // Node gives up on an address after 250 ms, which is less than one round trip across some oceans.
      autoSelectFamilyAttemptTimeout: Math.max(10, Math.ceil(target.connectTimeoutMs / 4)),
      ...(target.servername === undefined ? {} : { servername: target.servername }),
      ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
      ...(tunnel === undefined ? {} : { socket: tunnel }),
    };
    const socket = connect(options);

    function settle(error?: unknown): void {
      signal.removeEventListener('abort', onAbort);
      socket.off('secureConnect', onSecure).off('end', onEnd).off('close', settle);
      if (error === undefined) resolve(socket);
      else reject(error instanceof Error ? toApnsError(error, target) : closedError(target));
    }
    function onAbort(): void {
      socket.destroy(signal.reason);
    }
    function onEnd(): void {
      // Up to TLS 1.2 the client certificate is seen inside the handshake; some gateways refuse it
      // without an alert. One that has shown its own and then ends in good order has seen ours.
      if (socket.getPeerX509Certificate() !== undefined) socket.destroy(closedAfterHandshake(target));
    }
    function onSecure(): void {
      // A PKCS#12 file and NODE_EXTRA_CA_CERTS bring authorities that cannot be looked at beforehand.
      if (isApple(target) && comesFromSimulator(socket.getPeerX509Certificate())) {
        socket.destroy(simulatorError(target));
        return;
      }
      if (alpn !== undefined && socket.alpnProtocol !== alpn) {
        socket.destroy(notAgreedError(target, alpn));
        return;
      }
      socket.setNoDelay(true).setKeepAlive(true, KEEPALIVE_MS);
      settle();
    }

    signal.addEventListener('abort', onAbort, { once: true });
    // Stays on: between this promise and its reader, an 'error' without a listener would end the process.
    socket.on('error', settle).on('close', settle).on('secureConnect', onSecure);
    // Before Node's own listener, which makes every end in the handshake an ECONNRESET.
    socket.prependListener('end', onEnd);
    if (signal.aborted) onAbort();
  });
}

function timeoutError(target: Target): ApnsError {
  return new ApnsError(
    'APNS_ERR_CONNECT_TIMEOUT',
    `${formatPeer(target)} did not complete connection and TLS handshake within ${target.connectTimeoutMs} ms: check host, port and firewall`,
  );
}

function abortError(target: Target, cause: unknown): ApnsError {
  return new ApnsError('APNS_ERR_CLOSED', `connecting to ${formatPeer(target)} was aborted`, { cause });
}

function closedError(target: Target): ApnsError {
  return new ApnsError(
    'APNS_ERR_CONNECTION_LOST',
    `${formatPeer(target)} closed the connection in the TLS handshake`,
  );
}

function simulatorError(target: Target): ApnsError {
  return new ApnsError(
    'APNS_ERR_UNKNOWN_AUTHORITY',
    `${formatPeer(target)} shows a certificate of a simulator's authority, which must not vouch for Apple's hosts: take it out of tls.pfx and NODE_EXTRA_CA_CERTS`,
  );
}

function notAgreedError(target: Target, alpn: string): ApnsError {
  return new ApnsError(
    'APNS_ERR_NOT_HTTP2',
    `${formatPeer(target)} does not agree on ${alpn} in the TLS handshake (ALPN): check host and port`,
  );
}
