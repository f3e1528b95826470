/** The options of every command that connects. */
import { MAX_TIMER_MS } from '../../core/options.js';
import type { OptionValues } from './arguments.js';

/** The options for credentials, the proxy and the time limit of connecting. */
export const CONNECTION_OPTIONS = {
  credentials: {
    kind: 'text',
    value: 'DIR',
    help: 'A directory with client-cert.pem, client-key.pem and, if the gateway needs one, ca.pem. `simulate` writes such a directory.',
    contents: 'the key',
  },
  cert: {
    kind: 'text',
    value: 'FILE',
    help: 'The client certificate in PEM, with its chain if there is one.',
    contents: 'the certificate',
  },
  key: { kind: 'text', value: 'FILE', help: 'The private key of --cert, PEM.', contents: 'the key' },
  p12: { kind: 'text', value: 'FILE', help: 'Certificate and key in one PKCS#12 file.', contents: 'the key' },
  'passphrase-file': {
    kind: 'text',
    value: 'FILE',
    help: 'A file whose first line is the passphrase of --p12 or --key.',
    contents: 'the passphrase',
  },
  ca: {
    kind: 'text',
    value: 'FILE',
    help: 'The authorities to trust instead of the well-known ones, PEM.',
    contents: 'the certificate',
  },
  proxy: { kind: 'text', value: 'URL', help: 'The HTTP proxy to use: http://HOST:PORT.' },
  'proxy-credentials-file': {
    kind: 'text',
    value: 'FILE',
    help: 'A file whose first line is USER:PASSWORD for --proxy.',
    contents: 'USER:PASSWORD',
  },
  'connect-timeout-ms': {
    kind: 'integer',
    value: 'MS',
    help: 'The time limit for name resolution, connecting and the TLS handshake together (10000).',
    max: MAX_TIMER_MS as number,
  },
} as const;

/** The values of those options. */
export type ConnectionValues = OptionValues<typeof CONNECTION_OPTIONS>;
