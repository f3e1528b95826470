/**
 * A tunnel through an HTTP proxy: RFC 9110 section 9.3.6 (CONNECT), and section 11.7.1 with RFC 7617
 * for Basic credentials.
 */
import { connect, type Socket } from 'node:net';
import { ApnsError, formatPeer, invalidOption, type Peer } from '../core/errors.js';
import { checkOptionNames, integerOption } from '../core/options.js';
import { checkHost } from './host.js';
import { toApnsError } from './node-error.js';

/** An HTTP proxy, as an object or as `http://host:port`. Only an object can contain credentials. */
export type ProxyOptions =
  | string
  | {
      readonly host: string;
      readonly port: number;
      /** Sent as Basic credentials, together with `password`. */
      readonly username?: string;
      readonly password?: string;
    };

/** The maximum size of a proxy's response. */
const MAX_HEADER_BYTES = 8192;

/** The address and the credentials of a proxy. If it is inspected or logged, the credentials are not shown. */
export class HttpProxy implements Peer {
  readonly host: string;
  readonly port: number;
  readonly #authorization: string | undefined;

  constructor(host: string, port: number, authorization: string | undefined) {
    this.host = host;
    this.port = port;
    this.#authorization = authorization;
  }

  /** Whether credentials for the proxy are configured. */
  get hasCredentials(): boolean {
    return this.#authorization !== undefined;
  }

  /** The request that asks for a tunnel to `destination`. */
  connectRequest(destination: Peer): string {
    const authority = formatPeer(destination);
    const credentials =
      this.#authorization === undefined ? '' : `Proxy-Authorization: ${this.#authorization}\r\n`;
    return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`;
  }
}

/** @throws {ApnsError} APNS_ERR_INVALID_OPTION for a proxy that cannot be used */
export function resolveProxy(options: ProxyOptions): HttpProxy {
  if (typeof options === 'string') return proxyFromUrl(options);
  checkOptionNames('proxy', options, ['host', 'port', 'username', 'password']);
  const { username, password } = options;
  const host = checkHost('proxy.host', options.host);
  if (!Number.isInteger(options.port)) throw invalidOption('proxy.port', 'a port number', options.port);
  const port = integerOption('proxy.port', options.port, { default: 0, max: 65_535 });
  if (username === undefined && password === undefined) return new HttpProxy(host, port, undefined);
  // RFC 7617 section 2: the first colon ends the user name.
  if (typeof username !== 'string' || username.includes(':')) {
    throw invalidOption('proxy.username', 'a string without a colon', username);
  }
  if (password !== undefined && typeof password !== 'string') {
    throw invalidOption('proxy.password', 'a string', password);
  }
  const credentials = Buffer.from(`${username}:${password ?? ''}`).toString('base64');
  return new HttpProxy(host, port, `Basic ${credentials}`);
}

function proxyFromUrl(text: string): HttpProxy {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw invalidOption('proxy', 'a URL such as http://proxy.example:3128, or an object', text);
  }
  if (url.username !== '' || url.password !== '') {
    throw new ApnsError(
      'APNS_ERR_INVALID_OPTION',
      'proxy must be a URL without credentials, because URLs appear in logs: give { host, port, username, password }',
    );
  }
  return new HttpProxy(checkHost('proxy', url.hostname), url.port === '' ? 80 : Number(url.port), undefined);
}

/**
 * Connects to the proxy and has it connect to `destination`. What follows the proxy's answer is left in
 * the socket for its next reader.
 *
 * @param signal ends the attempt; the promise then rejects with the signal's reason
 * @throws {ApnsError} APNS_ERR_PROXY if the proxy refuses (4xx) or does not answer in HTTP,
 *   APNS_ERR_UNREACHABLE if it cannot reach the destination (5xx), or what became of the connection
 */
export function openTunnel(proxy: HttpProxy, destination: Peer, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: proxy.host, port: proxy.port });
    let answer: Buffer = Buffer.alloc(0);

    function onAbort(): void {
      socket.destroy(signal.reason);
    }
    function onError(error: Error): void {
      reject(failedError(error, proxy));
    }
    function onEnd(): void {
      socket.destroy(
        proxyError('APNS_ERR_PROXY', proxy, destination, 'it closed the connection without a response'),
      );
    }
    function onData(chunk: Buffer): void {
      answer = Buffer.concat([answer, chunk]);
      const end = answer.indexOf('\r\n\r\n');
      if (end === -1 && answer.length <= MAX_HEADER_BYTES) return;
      socket.pause();
      const refusal = refusalOf(answer.subarray(0, end), proxy, destination);
      if (refusal !== undefined) {
        socket.destroy(refusal);
        return;
      }
      signal.removeEventListener('abort', onAbort);
      // Keep the listener of 'error': until TLS takes over the socket, an error without one would end the process.
      socket.off('data', onData).off('end', onEnd);
      socket.unshift(answer.subarray(end + 4));
      resolve(socket);
    }

    signal.addEventListener('abort', onAbort);
    socket.on('error', onError).on('end', onEnd).on('data', onData);
    socket.once('connect', () => socket.write(proxy.connectRequest(destination)));
  });
}

/** The error for a failed connection to the proxy. It names the proxy, so that the user checks the right host. */
function failedError(error: Error, proxy: HttpProxy): ApnsError {
  if (error instanceof ApnsError) return error;
  const { code, message, cause } = toApnsError(error, proxy);
  return new ApnsError(code, `the proxy ${message}`, { cause });
}

/** The error for a proxy's response that does not open the tunnel, or `undefined`. */
function refusalOf(header: Buffer, proxy: HttpProxy, destination: Peer): ApnsError | undefined {
  if (header.length > MAX_HEADER_BYTES) {
    return proxyError('APNS_ERR_PROXY', proxy, destination, `its response exceeds ${MAX_HEADER_BYTES} bytes`);
  }
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |\r|$)/.exec(header.toString('latin1'))?.[1];
  if (status === undefined) {
    return proxyError(
      'APNS_ERR_PROXY',
      proxy,
      destination,
      'its response is not HTTP/1.1: check that it is an HTTP proxy',
    );
  }
  if (status.startsWith('2')) return undefined;
  if (status.startsWith('5')) {
    return proxyError('APNS_ERR_UNREACHABLE', proxy, destination, `it responded with status ${status}`);
  }
  const advice = status === '407' ? `: ${authenticationAdvice(header, proxy)}` : '';
  return proxyError('APNS_ERR_PROXY', proxy, destination, `it responded with status ${status}${advice}`);
}

/** The names of IANA's registry of HTTP authentication schemes that proxies ask for. */
const SCHEMES = ['Basic', 'Digest', 'NTLM', 'Negotiate', 'Kerberos', 'Bearer'] as const;

/** The advice for status 407 (RFC 9110 section 11.7.1), from the schemes that the proxy offers. */
function authenticationAdvice(header: Buffer, proxy: HttpProxy): string {
  const challenges = header
    .toString('latin1')
    .split('\r\n')
    .filter((line) => /^proxy-authenticate:/i.test(line))
    .flatMap((line) => line.slice(line.indexOf(':') + 1).split(','))
    .map((challenge) => challenge.trim().split(' ', 1)[0]!.toLowerCase());
  const offered = SCHEMES.filter((scheme) => challenges.includes(scheme.toLowerCase()));
  if (offered.length > 0 && !offered.includes('Basic')) {
    return `it offers ${offered.join(' and ')} only, and this package supports Basic only: enable Basic on the proxy, or use a local proxy that supports ${offered[0]}`;
  }
  return proxy.hasCredentials
    ? 'it rejected the credentials: check proxy.username and proxy.password'
    : 'it requires credentials: give proxy.username and proxy.password';
}

function proxyError(
  code: 'APNS_ERR_PROXY' | 'APNS_ERR_UNREACHABLE',
  proxy: HttpProxy,
  destination: Peer,
  what: string,
): ApnsError {
  return new ApnsError(
    code,
    `the proxy ${formatPeer(proxy)} did not open a tunnel to ${formatPeer(destination)}: ${what}`,
  );
}
