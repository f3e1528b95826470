// The simulator's binary gateway, in a process of its own. Options: those of its `gateway`.
import { createSimulator, writeCredentials } from '../../dist/simulator/index.js';

const { directory, ...gateway } = JSON.parse(process.argv[2]);
const simulator = await createSimulator({ record: 'counts', gateway, credentials: directory });
await writeCredentials(simulator, directory);
process.once('disconnect', () => process.exit());
process.send({ host: '127.0.0.1', port: simulator.gateway.port });
