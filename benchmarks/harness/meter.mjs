// Loaded with --import into a command, whose file of figures it writes when the command ends. Nothing else of
// the command is changed; the start of Node is measured with it.
import { writeFileSync } from 'node:fs';

const start = process.hrtime.bigint();

process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  const wallMicros = Number(process.hrtime.bigint() - start) / 1000;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  writeFileSync(process.env.METER_FILE, JSON.stringify({ cpuMicros: user + system, wallMicros, peakBytes }));
});
