/**
 * A simulator with options that `apns-streams simulate` does not have, in a process of its own.
 *
 *     node faulty-simulator.mjs OPTIONS-AS-JSON RECORD-FILE
 *
 * It says where it listens as the command does, and on SIGTERM it writes what it accepted.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createSimulator } from '../../dist/simulator/index.js';

const [options, record] = process.argv.slice(2);
const simulator = await createSimulator(JSON.parse(options));
const at = ({ host, port }) => ({ host, port });
const { gateway, feedback, http2 } = simulator;
const { credentials } = JSON.parse(options);
process.stdout.write(
  `${JSON.stringify({ gateway: at(gateway), feedback: at(feedback), http2: at(http2), credentials })}\n`,
);
await once(process, 'SIGTERM');
await simulator.close();
const lines = Array.from(simulator.accepted, ({ deviceToken, apnsId, connection }) =>
  JSON.stringify({ deviceToken, apnsId, connection }),
);
writeFileSync(record, lines.map((line) => `${line}\n`).join(''));
