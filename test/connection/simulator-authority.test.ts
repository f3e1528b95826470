/** The simulator's authority must not vouch for Apple. Nothing here leaves the machine: Apple is behind a proxy of ours. */
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createChannelManager } from '../../src/channels/channel-manager.js';
import { dial } from '../../src/connection/dial.js';
import { comesFromSimulator, refuseSimulatorAuthority } from '../../src/connection/simulator-authority.js';
import { resolveTarget, type TargetOptions } from '../../src/connection/target.js';
import { createBinaryDelivery, createHttp2Delivery } from '../../src/deliveries/delivery.js';
import { createSimulator } from '../../src/simulator/index.js';
import {
  mintAuthority,
  mintClientCertificate,
  mintServerCertificate,
} from '../../src/simulator/pki/certificates.js';
import { createBinarySink } from '../../src/sinks/binary-sink.js';
import { createHttp2Sink } from '../../src/sinks/http2-sink.js';
import { createFeedbackSource } from '../../src/sources/feedback-source.js';
import { authority, listen, listenTls } from '../support/loopback.js';
import { exportPkcs12 } from '../support/pkcs12.js';

const HOSTS = [
  'api.push.apple.com',
  'api.sandbox.push.apple.com',
  'api-manage-broadcast.push.apple.com',
  'gateway.push.apple.com',
  'API.PUSH.APPLE.COM',
  'api.push.apple.com.',
  'push.apple.com',
];

const BAD_CREDENTIALS = expect.objectContaining({ code: 'APNS_ERR_BAD_CREDENTIALS' });

/** Made by `openssl req -x509`; valid for a hundred years, and its key is nowhere. */
const SOMEBODY_ELSES = `-----BEGIN CERTIFICATE-----
MIIBuTCCAV+gAwIBAgIUDX2v9aQ7KKjKse3AaVdBFMIL6ucwCgYIKoZIzj0EAwIw
MTEWMBQGA1UECgwNU29tZWJvZHkgZWxzZTEXMBUGA1UEAwwOQSB0cnVzdGVkIHJv
b3QwIBcNMjYxMTI2MDAwMjUzWhgPMjEyNjExMDIwMDAyNTNaMDExFjAUBgNVBAoM
DVNvbWVib2R5IGVsc2UxFzAVBgNVBAMMDkEgdHJ1c3RlZCByb290MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAE7CxOs8LjDOJSDDv/ke9mHapJCVflzeM1LEnDLuTv
vnaGyWsLLGLkbhX4VqtIfXDn4aOZItnQW/tGur5HRAOIXqNTMFEwHQYDVR0OBBYE
FFjcr0Ap4MXEk2vC2FhD3r7rclEtMB8GA1UdIwQYMBaAFFjcr0Ap4MXEk2vC2FhD
3r7rclEtMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgZL2TrzXU
NEYjpPKEhwqchm2g/S+WU3DOUGBLC60db1gCIQDytU358Ofe/UggmUgL8/VHNHL3
YtD/PklvDAgV9T/zsw==
-----END CERTIFICATE-----
`;

describe("as tls.ca, for a host of Apple's", () => {
  it.each(HOSTS)('is refused before anything is dialled: %s', (host) => {
    for (const create of [
      createBinarySink,
      createBinaryDelivery,
      createHttp2Sink,
      createHttp2Delivery,
      createFeedbackSource,
    ]) {
      expect(() => create({ host, tls: { ca: authority.cert } })).toThrow(BAD_CREDENTIALS);
    }
  });

  it("is refused for Apple's environments, and for broadcast channels", () => {
    const tls = { ...mintClientCertificate(authority), ca: authority.cert };
    for (const environment of ['production', 'sandbox'] as const) {
      expect(() => createHttp2Delivery({ environment, tls })).toThrow(BAD_CREDENTIALS);
      expect(() => createChannelManager({ environment, tls, topic: 'com.example.app' })).toThrow(
        BAD_CREDENTIALS,
      );
    }
  });

  it('is refused where only the expected name is one of Apple', () => {
    const options = { host: '127.0.0.1', tls: { ca: authority.cert, servername: 'api.push.apple.com' } };
    expect(() => resolveTarget(options, 'http2')).toThrow(BAD_CREDENTIALS);
  });

  it('is found by any name, among others, as text or as bytes', async () => {
    const simulator = await createSimulator();
    onTestFinished(() => simulator.close());
    const renamed = mintAuthority({ commonName: 'Apple Root CA' }).cert;
    for (const ca of [
      renamed,
      Buffer.from(renamed),
      [SOMEBODY_ELSES, renamed],
      SOMEBODY_ELSES + renamed,
      simulator.credentials.ca,
    ]) {
      const options: TargetOptions = { host: 'api.push.apple.com', tls: { ca } };
      expect(() => resolveTarget(options, 'http2')).toThrow(BAD_CREDENTIALS);
    }
  });

  it('is not mistaken for another one, nor are other hosts for those of Apple', () => {
    expect(() => refuseSimulatorAuthority([new X509Certificate(SOMEBODY_ELSES)])).not.toThrow();
    const ca = SOMEBODY_ELSES;
    expect(resolveTarget({ environment: 'production', tls: { ca } }, 'http2').host).toBe(
      'api.push.apple.com',
    );
    for (const host of ['127.0.0.1', 'gateway.example', 'notpush.apple.com', 'push.apple.com.example'])
      expect(resolveTarget({ host, tls: { ca: authority.cert } }, 'http2').host).toBe(host);
  });
});

/** A proxy that takes everybody who wants to go to Apple to a gateway here. */
async function startDetour(): Promise<{ readonly port: number; readonly asked: string[] }> {
  const { cert, key } = mintServerCertificate(authority, { hosts: ['api.push.apple.com'] });
  const gatewayPort = await listenTls(
    (socket) => socket.on('data', () => expect.fail('something was sent')),
    { cert, key, ALPNProtocols: ['h2'] },
  );
  const asked: string[] = [];
  const port = await listen((client) => {
    client.once('data', (head) => {
      asked.push(String(head).split('\r\n')[0]!);
      const gateway = connect(gatewayPort, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(gateway).pipe(client);
      });
      gateway.on('error', () => client.destroy());
    });
  });
  return { port, asked };
}

const PROXIED = { host: 'api.push.apple.com', port: 443, connectTimeoutMs: 5000 };

describe('that came in another way', () => {
  // An authority in a PKCS#12 file is trusted by Node like one in `ca`, and nothing tells what is in the file.
  it('is refused in the handshake, before anything is sent', async () => {
    const { cert, key } = mintClientCertificate(authority);
    const pfx = exportPkcs12({ cert: cert + authority.cert, key }, 'secret');
    const { port, asked } = await startDetour();
    const options = { ...PROXIED, tls: { pfx, passphrase: 'secret' }, proxy: { host: '127.0.0.1', port } };
    await expect(dial(resolveTarget(options, 'http2'))).rejects.toMatchObject({
      code: 'APNS_ERR_UNKNOWN_AUTHORITY',
      message: expect.stringContaining('simulator'),
    });
    expect(asked).toEqual(['CONNECT api.push.apple.com:443 HTTP/1.1']);
  });
});

describe('comesFromSimulator', () => {
  const SIMULATOR = 'O=apns-streams simulator\nCN=somebody';

  /** A certificate with so many above it, of which the last is issued by `issuer`. */
  function chain(issuer: string, above: number): X509Certificate {
    const certificate =
      above === 0 ? { issuer } : { issuer: 'CN=between', issuerCertificate: chain(issuer, above - 1) };
    return certificate as X509Certificate;
  }

  it('finds the authority at each end of a chain of ten', () => {
    expect(comesFromSimulator(chain(SIMULATOR, 0))).toBe(true);
    expect(comesFromSimulator(chain(SIMULATOR, 9))).toBe(true);
    expect(comesFromSimulator(chain(SIMULATOR, 10))).toBe(false);
  });

  it('knows an authority of before the organization by its common name, and that only whole', () => {
    expect(comesFromSimulator(chain('C=DE\nCN=apns-streams simulator CA', 0))).toBe(true);
    expect(comesFromSimulator(chain('C=DE\nCN=no apns-streams simulator CA', 0))).toBe(false);
  });

  it('finds nothing where nothing was shown, nor in a certificate that names itself as its issuer', () => {
    expect(comesFromSimulator(undefined)).toBe(false);
    expect(comesFromSimulator(new X509Certificate(SOMEBODY_ELSES))).toBe(false);
    const root: { issuer: string; issuerCertificate?: object } = { issuer: 'CN=root' };
    root.issuerCertificate = root;
    expect(comesFromSimulator(root as X509Certificate)).toBe(false);
  });
});
