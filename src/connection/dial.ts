/** Makes one TLS connection within a time limit. */
import type { Socket, TcpNetConnectOpts } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { ApnsError, formatPeer } from '../core/errors.js';
import { publishConnection, publishFailure } from '../telemetry/connection-event.js';
import { closedAfterHandshake } from './connection-error.js';
import { isError, toApnsError } from './node-error.js';
import { PeerTimeout } from './peer-timeout.js';
import { openTunnel } from './proxy.js';
import { comesFromSimulator, isApple } from './simulator-authority.js';
import type { Target } from './target.js';

/** Options of one connection. */
export interface DialOptions {
  /** Ends the attempt. */
  readonly signal?: AbortSignal;
  /** The protocol to agree on inside TLS (RFC 7301), such as `h2`. */
  readonly alpn?: string;
}

/** This is short enough for a NAT that drops idle connections after 350 s, and detects a dead peer the same day. */
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
 * @throws {ApnsError} an error whose code names the cause. APNS_ERR_CONNECT_TIMEOUT after `connectTimeoutMs` for
 *   everything together (time in which this process was frozen does not count), APNS_ERR_CLOSED if aborted, APNS_ERR_VERIFICATION_DISABLED before anything is
 *   dialled, APNS_ERR_NOT_HTTP2 if the peer does not agree on `alpn`. Every failure leaves no socket open.
 */
export async function dial(target: Target, options: DialOptions = {}): Promise<TLSSocket> {
  publishConnection(target, 'connecting');
  try {
    const socket = await connectWithin(target, options);
    publishConnection(target, 'connected');
    return socket;
  } catch (error) {
    if (!options.signal?.aborted) publishFailure(target, toApnsError(error, target));
    throw error;
  }
}

/** Connects, or rejects after `connectTimeoutMs`. */
async function connectWithin(target: Target, options: DialOptions): Promise<TLSSocket> {
  refuseWithoutVerification();
  const { signal, alpn } = options;
  const attempt = new AbortController();
  const timeout = new PeerTimeout(target.connectTimeoutMs, () => attempt.abort(timeoutError(target)));
  const onAbort = (): void => attempt.abort(abortError(target, signal?.reason));
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort);
  try {
    attempt.signal.throwIfAborted();
    const tunnel = target.proxy && (await openTunnel(target.proxy, target, attempt.signal));
    refuseWithoutVerification(tunnel);
    return await handshake(target, alpn, tunnel, attempt.signal);
  } finally {
    timeout.cancel();
    signal?.removeEventListener('abort', onAbort);
  }
}

/**
 * Rejects NODE_TLS_REJECT_UNAUTHORIZED=0. The connection below enables certificate checks in any case, but the user
 * who set the variable expects no checks, so an error is better than an ignored setting.
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

function connectionOptions(
  target: Target,
  alpn: string | undefined,
  tunnel: Socket | undefined,
): ConnectionOptions & Pick<TcpNetConnectOpts, 'autoSelectFamilyAttemptTimeout'> {
  return {
    host: target.host,
    port: target.port,
    secureContext: target.secureContext,
    // Set explicitly although it is the default, so that nothing outside this call can change it.
    rejectUnauthorized: true,
    // Node's default is 250 ms per address, which is less than some intercontinental round trips.
    autoSelectFamilyAttemptTimeout: Math.max(10, Math.ceil(target.connectTimeoutMs / 4)),
    ...(target.servername === undefined ? {} : { servername: target.servername }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
    ...(tunnel === undefined ? {} : { socket: tunnel }),
  };
}

function handshake(
  target: Target,
  alpn: string | undefined,
  tunnel: Socket | undefined,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect(connectionOptions(target, alpn, tunnel));
    const destroy = socket.destroy.bind(socket);
    let hasShownCertificate = false;

    /** Node removes the certificate from the chain when it returns it, so this stops asking after the first result. */
    function sawCertificate(): boolean {
      hasShownCertificate ||= socket.getPeerX509Certificate() !== undefined;
      return hasShownCertificate;
    }
    /** This runs earlier than 'error', because by then the socket no longer has the certificate. */
    function onDestroy(error?: Error): TLSSocket {
      sawCertificate();
      return destroy(error);
    }
    function settle(error?: unknown): void {
      socket.off('secureConnect', onSecure).off('end', onEnd).off('close', settle);
      if (error === undefined) {
        Reflect.deleteProperty(socket, 'destroy');
        resolve(socket);
      } else reject(handshakeError(error, target, hasShownCertificate));
    }
    function onAbort(): void {
      socket.destroy(signal.reason);
    }
    function onEnd(): void {
      // Up to TLS 1.2 the client certificate is seen inside the handshake; some gateways refuse it
      // without an alert. One that has shown its own and then ends in good order has seen ours.
      if (sawCertificate()) socket.destroy(closedAfterHandshake(target));
    }
    function onSecure(): void {
      // Authorities from a PKCS#12 file or NODE_EXTRA_CA_CERTS cannot be inspected before the handshake.
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

    socket.destroy = onDestroy;
    signal.addEventListener('abort', onAbort);
    // Keep this listener: until the caller adds its own, an 'error' without a listener would end the process.
    socket.on('error', settle).on('close', settle).on('secureConnect', onSecure);
    // Run before Node's own listener, which turns every end in the handshake into an ECONNRESET.
    socket.prependListener('end', onEnd);
    if (signal.aborted) onAbort();
  });
}

/**
 * The error for a failed handshake. A gateway that refuses the handshake before it sends its own certificate has not
 * seen the client certificate: the two ends have no TLS version, cipher or signature algorithm in common.
 */
function handshakeError(error: unknown, target: Target, hasShownCertificate: boolean): ApnsError {
  if (!isError(error)) return closedError(target);
  const failure = toApnsError(error, target);
  if (failure.code !== 'APNS_ERR_CREDENTIALS_REFUSED' || hasShownCertificate) return failure;
  return new ApnsError(
    'APNS_ERR_TLS_VERSION',
    `${formatPeer(target)} refused the TLS handshake before it received the client certificate: it accepts none of the ciphers and signature algorithms that this side offers for TLS 1.2 and later; update its TLS configuration or its certificate`,
    { cause: error },
  );
}

function timeoutError(target: Target): ApnsError {
  return new ApnsError(
    'APNS_ERR_CONNECT_TIMEOUT',
    `${formatPeer(target)} did not complete the connection and the TLS handshake within ${target.connectTimeoutMs} ms: check host, port and firewall`,
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
    `${formatPeer(target)} presented a certificate that a simulator's authority issued, which must not be trusted for Apple's hosts: remove that authority from tls.pfx and NODE_EXTRA_CA_CERTS`,
  );
}

function notAgreedError(target: Target, alpn: string): ApnsError {
  return new ApnsError(
    'APNS_ERR_NOT_HTTP2',
    `${formatPeer(target)} did not select ${alpn} in the TLS handshake (ALPN): check host and port`,
  );
}
