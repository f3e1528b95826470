/**
 * A TLS server that refuses every client certificate with an alert, as most TLS libraries do. A server of Node's can
 * only close the connection. So this one takes Node's place when the client answers the handshake's first flight.
 */
import { createCipheriv, createHmac } from 'node:crypto';
import { duplexPair } from 'node:stream';
import { createServer } from 'node:tls';
import { mintAuthority, mintServerCertificate } from '../../src/simulator/pki/certificates.js';
import { authority, listen } from './loopback.js';

type Version = 'TLSv1.2' | 'TLSv1.3';

/** Fatal, unknown_ca (RFC 8446, section 6). */
const UNKNOWN_CA = Buffer.from([2, 48]);
const ALERT = 0x15;
const APPLICATION_DATA = 0x17;

const OPTIONS = {
  ...mintServerCertificate(authority),
  ca: mintAuthority().cert,
  requestCert: true,
  ALPNProtocols: ['h2'],
  ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
};

/** Starts the server and returns its port. */
export function startAlertingServer(version: Version): Promise<number> {
  return listen((client) => {
    const [wire, end] = duplexPair();
    const server = createServer({ ...OPTIONS, minVersion: version, maxVersion: version });
    let secret: Buffer | undefined;
    server.on('keylog', (line: Buffer) => {
      const hex = /^SERVER_TRAFFIC_SECRET_0 \w+ (\w+)/.exec(line.toString())?.[1];
      if (hex !== undefined) secret = Buffer.from(hex, 'hex');
    });
    server.emit('connection', end);
    let hasAnswered = false;
    wire.on('data', (flight) => {
      hasAnswered = true;
      client.write(flight);
    });
    client.on('data', (bytes) => {
      if (!hasAnswered) wire.write(bytes);
      else client.end(version === 'TLSv1.3' ? encryptedAlert(secret!) : plainAlert());
    });
    client.on('close', () => end.destroy());
  });
}

/** RFC 5246, section 6.2.1: the server has not changed to its cipher yet. */
function plainAlert(): Buffer {
  return Buffer.concat([recordHeader(ALERT, UNKNOWN_CA.length), UNKNOWN_CA]);
}

/** RFC 8446, section 5.2: the first record under the server's application keys, whose nonce is the IV itself. */
function encryptedAlert(secret: Buffer): Buffer {
  const header = recordHeader(APPLICATION_DATA, UNKNOWN_CA.length + 1 + 16);
  const cipher = createCipheriv('aes-128-gcm', expand(secret, 'key', 16), expand(secret, 'iv', 12));
  cipher.setAAD(header);
  const body = cipher.update(Buffer.concat([UNKNOWN_CA, Buffer.from([ALERT])]));
  return Buffer.concat([header, body, cipher.final(), cipher.getAuthTag()]);
}

function recordHeader(type: number, length: number): Buffer {
  return Buffer.from([type, 3, 3, length >> 8, length & 0xff]);
}

/** HKDF-Expand-Label of RFC 8446, section 7.1, for results of at most 32 bytes. */
function expand(secret: Buffer, name: string, length: number): Buffer {
  const label = Buffer.from(`tls13 ${name}`);
  const info = Buffer.concat([Buffer.from([0, length, label.length]), label, Buffer.from([0, 1])]);
  return createHmac('sha256', secret).update(info).digest().subarray(0, length);
}
