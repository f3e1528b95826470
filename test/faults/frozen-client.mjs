/**
 * A client in a process of its own, so that it can be frozen while its peer goes on.
 *
 *     node frozen-client.mjs http2|binary OPTIONS-AS-JSON
 *
 * It writes 20 notifications and prints `sent`, and each outcome as it comes. A line `block MS` on standard input blocks
 * the event loop for so long, inside the I/O callback. After a standstill of more than a second its first timer, which
 * runs before any socket is read, writes one more notification, unless `--quiet` is given.
 */
import { createInterface } from 'node:readline';
import * as apns from '../../dist/index.js';

const [wire, options, quiet] = process.argv.slice(2);
const create = {
  http2: apns.createHttp2Delivery,
  binary: apns.createBinaryDelivery ?? apns.createBinaryDelivery,
}[wire];
const delivery = create(JSON.parse(options));
delivery.on('data', ({ status, reason, context }) => {
  process.stdout.write(`${context} ${reason === undefined ? status : `${status} ${reason}`}\n`);
});
delivery.on('error', ({ code }) => process.stdout.write(`failed ${code}\n`));

function write(context) {
  const deviceToken = 'ab'.repeat(32);
  const addressing = wire === 'http2' ? { topic: 'com.example.app' } : {};
  delivery.write({ deviceToken, payload: '{"aps":{"alert":"hi"}}', context, ...addressing });
}

for (let i = 0; i < 20; i++) write('before');
setImmediate(() => process.stdout.write('sent\n'));

createInterface(process.stdin).on('line', (line) => {
  const [, ms] = line.split(' ');
  const until = performance.now() + Number(ms);
  process.stdout.write('blocked\n');
  while (performance.now() < until);
});

let last = performance.now();
setInterval(() => {
  const now = performance.now();
  if (now - last > 1000) {
    process.stdout.write('awake\n');
    if (quiet !== '--quiet') write('after');
  }
  last = now;
}, 100);
