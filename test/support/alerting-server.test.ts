import { once } from 'node:events';
import { connect } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { mintClientCertificate } from '../../src/simulator/pki/certificates.js';
import { startAlertingServer } from './alerting-server.js';
import { authority } from './loopback.js';

it.each(['TLSv1.2', 'TLSv1.3'] as const)('sends the alert unknown_ca in %s', async (version) => {
  const port = await startAlertingServer(version);
  const { cert, key } = mintClientCertificate(authority);
  const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, cert, key });
  onTestFinished(() => void socket.destroy());
  const [error] = await once(socket.resume(), 'error').catch((caught) => [caught]);
  expect(error).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' });
});
