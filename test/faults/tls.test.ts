/**
 * Everything that can go wrong in TLS, for each of the three that connect: one typed error, one outcome for each
 * notification, in bounded time. The names of the tests are the table.
 */
import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { ApnsError, type ApnsErrorCode } from '../../src/core/errors.js';
import {
  mintAuthority,
  mintClientCertificate,
  mintServerCertificate,
} from '../../src/simulator/pki/certificates.js';
import { startAlertingServer } from '../support/alerting-server.js';
import { CONSUMER_NAMES, CONSUMERS, type Consumed, type ConsumerName, GIVEN } from '../support/consumers.js';
import { authority, listen, listenTls } from '../support/loopback.js';
import { trickle } from '../support/trickle.js';

const DAY_MS = 86_400_000;
const stranger = mintAuthority();
const client = mintClientCertificate(authority);

/** Each attempt has this long, where the peer will let it pass; two are made. */
const SHORT_MS = 500;
/** Where it ends by itself: more than a busy machine needs for a handshake. */
const LONG_MS = 10_000;
/** What a busy machine adds. */
const SLACK_MS = 5000;

interface Fault {
  readonly name: string;
  readonly start: () => Promise<number>;
  readonly code: ApnsErrorCode;
  /** Whether it may show itself after the handshake only. */
  readonly isLate?: boolean;
  /** Whether nothing ends it but the deadline of connecting. */
  readonly isEndless?: boolean;
  /** Where it cannot be known, or must be told in another way. */
  readonly except?: Partial<Record<ConsumerName, ApnsErrorCode | undefined>>;
}

function tls(name: string, code: ApnsErrorCode, options: TlsOptions, except: Fault['except'] = {}): Fault {
  const start = (): Promise<number> => listenTls(() => {}, { ALPNProtocols: ['h2'], ...options });
  return { name, code, start, except };
}

function plain(name: string, code: ApnsErrorCode, onConnection: (socket: Socket) => void): Fault {
  return { name, code, start: () => listen(onConnection) };
}

/** Does something when the client has said hello. */
function inHandshake(act: (socket: Socket) => void): (socket: Socket) => void {
  return (socket) => socket.once('data', () => act(socket));
}

const refusing = (version: 'TLSv1.2' | 'TLSv1.3'): TlsOptions => ({
  requestCert: true,
  ca: stranger.cert,
  minVersion: version,
  maxVersion: version,
});

const old = (version: 'TLSv1' | 'TLSv1.1'): TlsOptions => ({
  minVersion: version,
  maxVersion: version,
  ciphers: 'DEFAULT@SECLEVEL=0',
});

/** The head of a TLS record of 16 KiB, and much of it. */
const LONG_RECORD = Buffer.concat([Buffer.from('1603034000', 'hex'), Buffer.alloc(10_000, 2)]);

const FAULTS: readonly Fault[] = [
  tls(
    'an expired certificate',
    'APNS_ERR_CERTIFICATE_EXPIRED',
    mintServerCertificate(authority, { validFrom: new Date(0), validTo: new Date(Date.now() - DAY_MS) }),
  ),
  tls(
    'a certificate that is not valid yet',
    'APNS_ERR_CERTIFICATE_EXPIRED',
    mintServerCertificate(authority, { validFrom: new Date(Date.now() + DAY_MS) }),
  ),
  tls(
    'a certificate for another host',
    'APNS_ERR_WRONG_HOST',
    mintServerCertificate(authority, { hosts: ['gateway.example'] }),
  ),
  tls(
    'a certificate of an unknown authority',
    'APNS_ERR_UNKNOWN_AUTHORITY',
    mintServerCertificate(mintAuthority({ commonName: 'unknown' })),
  ),
  tls('a self-signed certificate', 'APNS_ERR_UNKNOWN_AUTHORITY', mintAuthority({ commonName: 'itself' })),
  tls('TLS 1.0 only', 'APNS_ERR_TLS_VERSION', old('TLSv1')),
  tls('TLS 1.1 only', 'APNS_ERR_TLS_VERSION', old('TLSv1.1')),
  plain('HTTP in plain text', 'APNS_ERR_NOT_TLS', (socket) =>
    socket.write('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
  ),
  plain('an SSH banner', 'APNS_ERR_NOT_TLS', (socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n')),
  plain('zeros', 'APNS_ERR_NOT_TLS', (socket) => socket.write(Buffer.alloc(100))),
  plain(
    'garbage',
    'APNS_ERR_NOT_TLS',
    inHandshake((socket) => socket.write(Buffer.alloc(1000, 0xfe))),
  ),
  plain(
    'garbage with the head of a TLS record',
    'APNS_ERR_NOT_TLS',
    inHandshake((socket) => socket.write(Buffer.from(`1603030010${'fe'.repeat(16)}`, 'hex'))),
  ),
  plain(
    'a TLS record too long to be one',
    'APNS_ERR_NOT_TLS',
    inHandshake((socket) => socket.write(Buffer.from(`160303ffff${'00'.repeat(100)}`, 'hex'))),
  ),
  plain('a close at once', 'APNS_ERR_CONNECTION_LOST', (socket) => socket.end()),
  plain(
    'a close in the handshake',
    'APNS_ERR_CONNECTION_LOST',
    inHandshake((socket) => socket.end()),
  ),
  plain(
    'a close within an answer to the hello',
    'APNS_ERR_CONNECTION_LOST',
    inHandshake((socket) => socket.end(Buffer.from('160303007a020000760303', 'hex'))),
  ),
  plain(
    'a reset in the handshake',
    'APNS_ERR_CONNECTION_LOST',
    inHandshake((socket) => socket.resetAndDestroy()),
  ),
  {
    ...plain('silence in the handshake', 'APNS_ERR_CONNECT_TIMEOUT', (socket) => socket.resume()),
    isEndless: true,
  },
  {
    name: 'one byte at a time, for ever',
    code: 'APNS_ERR_CONNECT_TIMEOUT',
    isEndless: true,
    start: () => listen((socket) => trickle(socket.resume(), LONG_RECORD, 20)),
  },
  tls('a refusal in TLS 1.2, by a close', 'APNS_ERR_CREDENTIALS_REFUSED', refusing('TLSv1.2')),
  // A service that has nothing to tell closes likewise: nothing on the wire is different.
  {
    ...tls('a refusal in TLS 1.3, by a close', 'APNS_ERR_CREDENTIALS_REFUSED', refusing('TLSv1.3'), {
      'feedback source': undefined,
    }),
    isLate: true,
  },
  {
    name: 'a refusal in TLS 1.2, by an alert',
    code: 'APNS_ERR_CREDENTIALS_REFUSED',
    start: () => startAlertingServer('TLSv1.2'),
  },
  {
    name: 'a refusal in TLS 1.3, by an alert',
    code: 'APNS_ERR_CREDENTIALS_REFUSED',
    start: () => startAlertingServer('TLSv1.3'),
    isLate: true,
  },
];

/** ConnectionLost for APNS_ERR_CONNECTION_LOST. */
function reasonOf(code: string): string {
  const words = code.slice('APNS_ERR_'.length).toLowerCase().split('_');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

describe.each(CONSUMER_NAMES)('a %s that meets', (name) => {
  const consume = (port: number, connectTimeoutMs: number): Promise<Consumed> =>
    CONSUMERS[name]({
      host: '127.0.0.1',
      port,
      tls: { ca: authority.cert, ...client },
      connectTimeoutMs,
    });

  it.each(FAULTS.map((fault) => ({ ...fault, code: codeFor(fault, name) })))(
    '$name: $code',
    async (fault) => {
      const timeoutMs = fault.isEndless ? SHORT_MS : LONG_MS;
      const { code, outcomes, elapsedMs } = await consume(await fault.start(), timeoutMs);
      expect(elapsedMs).toBeLessThan((fault.isEndless ? 2 * SHORT_MS : 0) + SLACK_MS);
      // Later than a fresh connection is given, a refusal finds frames written; then nothing is left to fail for.
      if (fault.isLate && name === 'binary sink' && outcomes.join().includes('unknown')) {
        expect(outcomes.join()).toMatch(/^(unknown \w+,?){3}$/);
        expect([undefined, fault.code]).toContain(code);
        return;
      }
      expect(code).toBe(fault.code);
      if (name === 'feedback source' || code === undefined) return;
      // Nothing was written to anybody who had not proved who they are.
      expect(outcomes).toEqual(Array(GIVEN).fill(`unsent ${reasonOf(code)}`));
    },
  );

  it('a key that does not match: APNS_ERR_BAD_CREDENTIALS, at once', async () => {
    const { key } = mintClientCertificate(authority);
    const options = { host: '127.0.0.1', tls: { ca: authority.cert, cert: client.cert, key } };
    const error = await CONSUMERS[name](options).catch((caught) => caught);
    expect(error).toBeInstanceOf(ApnsError);
    expect(error).toMatchObject({ code: 'APNS_ERR_BAD_CREDENTIALS' });
  });
});

function codeFor({ code, except = {} }: Fault, name: ConsumerName): ApnsErrorCode | undefined {
  return name in except ? except[name] : code;
}
