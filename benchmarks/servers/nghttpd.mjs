// nghttpd, which serves an empty file for each device token, and h2load, which sends to it as fast as C can.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createPayload, DEVICE_TOKENS } from '../harness/input.mjs';
import { stop } from '../harness/processes.mjs';

const HOST = '127.0.0.1';

/** @returns where it listens, and how to stop it */
export async function startNghttpd({ directory, credentials }) {
  const documents = join(directory, 'documents');
  const devices = join(documents, '3', 'device');
  mkdirSync(devices, { recursive: true });
  for (const token of DEVICE_TOKENS) writeFileSync(join(devices, token), '');
  const port = await findPort();
  const certificate = ['server-key.pem', 'server-cert.pem'].map((name) => join(credentials, name));
  const options = [`--address=${HOST}`, '--max-concurrent-streams=1000', `--htdocs=${documents}`];
  const windows = ['--window-bits=30', '--connection-window-bits=30'];
  const child = spawn('nghttpd', [...options, ...windows, String(port), ...certificate], { stdio: 'ignore' });
  await untilListening(child, port);
  return { host: HOST, port, stop: () => stop(child) };
}

/** Sends `count` of the notifications over one connection, 500 under way. */
export async function runH2load({ host, port }, { directory, count, bearer, topic }) {
  const body = join(directory, 'body.json');
  const list = join(directory, 'urls.txt');
  writeFileSync(body, JSON.stringify(createPayload(0)));
  writeFileSync(list, DEVICE_TOKENS.map((token) => `https://${host}:${port}/3/device/${token}\n`).join(''));
  const headers = [`authorization: bearer ${bearer}`, `apns-topic: ${topic}`, 'apns-push-type: alert'];
  const { stdout } = await promisify(execFile)('h2load', [
    ...['-c', '1', '-m', '500', '-n', String(count), '-d', body, '-i', list],
    ...headers.flatMap((header) => ['-H', header]),
  ]);
  const succeeded = Number(stdout.match(/(\d+) succeeded/)?.[1]);
  const [, time, unit] = stdout.match(/finished in ([\d.]+)(us|ms|s),/) ?? [];
  if (succeeded !== count || time === undefined) return { problem: `${succeeded} of ${count} succeeded` };
  return { count, wallMicros: Number(time) * { us: 1, ms: 1e3, s: 1e6 }[unit] };
}

async function findPort() {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

async function untilListening(child, port) {
  const ended = once(child, 'exit').then(() => {
    throw new Error('nghttpd ended');
  });
  ended.catch(() => {});
  for (;;) {
    const socket = connect(port, HOST);
    const isOpen = await Promise.race([
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
      ended,
    ]);
    socket.destroy();
    if (isOpen) return;
    await setTimeout(20);
  }
}
