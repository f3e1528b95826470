/**
 * What the examples connect to. Not an example itself.
 *
 * Without arguments: the embedded simulator, started for this run, with certificates of its own. With
 * arguments: a gateway of yours.
 *
 *     node examples/send-one.mjs
 *     node examples/send-one.mjs --host gateway.example --port 2195 --cert cert.pem --key key.pem [--ca ca.pem]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createSimulator } from 'apns-streams/simulator';

const text = { type: 'string' };
const { values, positionals } = parseArgs({
  options: { host: text, port: text, 'feedback-port': text, cert: text, key: text, ca: text },
  allowPositionals: true,
});

/** The arguments that are no options. */
export const operands = positionals;

/**
 * `gateway` and `feedback` are options to spread into a sink, a delivery or a source. `simulator` is there
 * unless a host was named. `close()` ends what was started.
 */
export async function openTarget() {
  const { host, cert, key, ca } = values;
  if (host === undefined) {
    const simulator = await createSimulator();
    const { credentials } = simulator;
    const tls = { cert: credentials.cert, key: credentials.key, ca: credentials.ca };
    const at = ({ host, port }) => ({ host, port, tls });
    return {
      gateway: at(simulator.gateway),
      feedback: at(simulator.feedback),
      simulator,
      close: () => simulator.close(),
    };
  }
  const read = (name, path) => (path === undefined ? {} : { [name]: readFileSync(path) });
  const tls = { ...read('cert', cert), ...read('key', key), ...read('ca', ca) };
  const at = (port) => ({ host, tls, ...(port === undefined ? {} : { port: Number(port) }) });
  return { gateway: at(values.port), feedback: at(values['feedback-port']), close: async () => {} };
}
