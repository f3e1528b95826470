/** HTTP/2 servers that nobody here wrote, as processes of their own, with certificates from the simulator. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { mintServerCertificate } from '../../src/simulator/pki/certificates.js';
import { authority, listen } from '../support/loopback.js';
import { findCommand } from './requirements.js';

const PATIENCE_MS = 10_000;

/** Where a server finds what it needs. All files are in a folder of its own. */
export interface ServerPlace {
  readonly folder: string;
  readonly port: number;
  readonly cert: string;
  readonly key: string;
  /** Certificate and key in one file. */
  readonly both: string;
  /** A file in the folder; its path. */
  write(name: string, content: string): string;
}

export interface ForeignServer {
  readonly options: { readonly host: string; readonly port: number; readonly tls: { readonly ca: string } };
  /** How many connections it was given so far. */
  readonly connections: number;
}

/** Starts a server and waits until it listens; it is gone when the test is finished. */
export async function startForeignServer(
  command: string,
  argsFor: (place: ServerPlace) => readonly string[],
): Promise<ForeignServer> {
  const path = findCommand(command);
  if (path === undefined) throw new Error(`${command} is not installed`);
  const folder = mkdtempSync(join(tmpdir(), 'apns-streams-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, content: string): string => {
    const file = join(folder, name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  const { cert, key } = mintServerCertificate(authority);
  const port = await freePort();
  const args = argsFor({
    folder,
    port,
    cert: write('cert.pem', cert),
    key: write('key.pem', key),
    both: write('both.pem', cert + key),
    write,
  });
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  onTestFinished(() => end(child));
  await listening(port, child, () => output);
  let connections = 0;
  const relay = await listen((socket) => {
    connections++;
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.setNoDelay(true);
    for (const [from, to] of [[socket, upstream] as const, [upstream, socket] as const]) {
      from.pipe(to);
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
    }
  });
  return {
    options: { host: '127.0.0.1', port: relay, tls: { ca: authority.cert } },
    get connections() {
      return connections;
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await exited;
  clearTimeout(timer);
}

/** These servers take no port 0: a port is found, given back, and taken by the server. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port: number, child: ChildProcess, output: () => string): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended: ${output()}`);
    if (await answers(port)) return;
    await delay(20);
  }
  throw new Error(`${child.spawnfile} does not listen: ${output()}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
