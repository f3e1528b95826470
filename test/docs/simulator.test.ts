import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../../src/cli/run.js';
import { NUMBERED_REASONS } from '../../src/simulator/rejection.js';
import { GATEWAY_SICKNESSES, HTTP2_SICKNESSES } from '../../src/simulator/sick-connection.js';
import { TokenFaultCode } from '../../src/simulator/token-fault.js';
import { FakeIo } from '../cli/fake-io.js';
import { ROOT } from '../support/node-process.js';

const page = readFileSync(join(ROOT, 'docs/simulator.md'), 'utf8');

/** The rows of the table whose first heading is this. */
function table(heading: string): string[][] {
  const [, rest = ''] = page.split(`\n| ${heading} |`);
  return rest
    .split('\n\n')[0]!
    .split('\n')
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim()));
}

test('numbers the reasons that a device token can ask for', () => {
  const numbers = NUMBERED_REASONS.map((reason, n) => ['', n.toString(16).padStart(2, '0'), reason, '']);
  expect(table('`reason`')).toEqual(numbers);
});

test('has a row for every fault that a device token can ask for', () => {
  for (const [name, code] of Object.entries(TokenFaultCode)) {
    const token = `fa17${code.toString(16).padStart(2, '0')}`;
    expect(page).toMatch(new RegExp(`^\\| \`${token}(?:NN|00)…\` \\| \`${name}\` \\|`, 'm'));
  }
});

test.each([
  ['http2', HTTP2_SICKNESSES],
  ['gateway', GATEWAY_SICKNESSES],
])('says what each sick connection of %s does', (service, sicknesses) => {
  const rows = table(`\`${service}.sickConnections.how\``);
  const told = Object.entries(sicknesses).map(([name, description]) => ['', `\`${name}\``, description, '']);
  expect(rows).toEqual(told);
});

test.each([
  ['http2', HTTP2_SICKNESSES],
  ['gateway', GATEWAY_SICKNESSES],
])('the command can make a connection of %s sick in each of these ways', async (service, sicknesses) => {
  const io = new FakeIo();
  await run(['simulate', '--help'], io);
  const entry = io.out.split(/^ {2}(?=--)/m).find((text) => text.startsWith(`--${service}-sick`));
  expect(entry?.replaceAll(/\s+/g, ' ')).toContain(Object.keys(sicknesses).join('|'));
});
