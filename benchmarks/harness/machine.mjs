// What was measured, and on what.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './input.mjs';

/** The packages measured beside the project. */
export const PEERS = ['apn', '@parse/node-apn', 'apns2'];

/** The version of a package in benchmarks/node_modules, or undefined where it is not installed. */
export function peerVersion(name) {
  const path = join(ROOT, 'benchmarks', 'node_modules', name, 'package.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : undefined;
}

/** The version that a program of nghttp2 reports, or undefined where there is none. */
export function toolVersion(name) {
  try {
    return execFileSync(name, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).match(
      /[\d.]+\d/,
    )?.[0];
  } catch {
    return undefined;
  }
}

/** Machine and versions, as lines. */
export function describeMachine() {
  const [cpu] = cpus();
  const versions = [
    `Node ${process.versions.node}`,
    `OpenSSL ${process.versions.openssl}`,
    ...PEERS.map((name) => `${name} ${peerVersion(name) ?? 'missing'}`),
    `nghttp2 ${toolVersion('h2load') ?? 'missing'}`,
  ];
  return [
    `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${arch()}`,
    versions.join(', '),
    new Date().toISOString().slice(0, 10),
  ];
}
