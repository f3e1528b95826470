/**
 * Selects the server for the other examples.
 *
 * Without arguments, they use the embedded simulator, started for this run with its own certificates. With arguments,
 * they use Apple's servers or your own gateway. The protocol is HTTP/2 unless you give `--wire binary`.
 *
 *     node examples/send-one.mjs --environment sandbox --provider-key AuthKey_ABC123DEFG.p8 \
 *       --key-id ABC123DEFG --team-id DEF123GHIJ --topic com.example.app
 *     node examples/send-one.mjs --host HOST --cert cert.pem --key key.pem --topic com.example.app [--ca ca.pem]
 *     node examples/send-one.mjs --wire binary --host HOST --port 2195 --cert cert.pem --key key.pem
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createSimulator } from 'apns-streams/simulator';

const text = { type: 'string' };
const { values, positionals } = parseArgs({
  options: {
    ...{ host: text, port: text, 'feedback-port': text, cert: text, key: text, ca: text },
    ...{ environment: text, 'provider-key': text, 'key-id': text, 'team-id': text, topic: text },
    wire: { ...text, default: 'http2' },
  },
  allowPositionals: true,
});

/** The positional arguments. */
export const operands = positionals;

/**
 * `gateway`, `feedback` and `http2` are options to spread into a sink, a delivery or a source, `wire` is `http2`
 * or `binary`. `simulator` is there unless something else was named. `close()` ends what was started.
 */
export async function openTarget() {
  const { wire, host, environment, cert, key, ca, topic } = values;
  if (host === undefined && environment === undefined) {
    const simulator = await createSimulator();
    const { ca, cert, key, providerKey, keyId, teamId, topic } = simulator.credentials;
    const at = ({ host, port }) => ({ host, port, tls: { ca, cert, key } });
    const { host, port } = simulator.http2;
    return {
      wire,
      gateway: at(simulator.gateway),
      feedback: at(simulator.feedback),
      http2: { host, port, tls: { ca }, topic, providerToken: { key: providerKey, keyId, teamId } },
      simulator,
      close: () => simulator.close(),
    };
  }
  const read = (name, path) => (path === undefined ? {} : { [name]: readFileSync(path) });
  const tls = { ...read('cert', cert), ...read('key', key), ...read('ca', ca) };
  const at = (port) => ({ host, tls, ...(port === undefined ? {} : { port: Number(port) }) });
  const { 'provider-key': providerKey, 'key-id': keyId, 'team-id': teamId } = values;
  const providerToken = providerKey && { ...read('key', providerKey), keyId, teamId };
  return {
    wire,
    ...{ gateway: at(values.port), feedback: at(values['feedback-port']) },
    http2: { ...(environment === undefined ? at(values.port) : { environment, tls }), topic, providerToken },
    close: async () => {},
  };
}
