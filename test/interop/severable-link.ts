/** A link to a process in a network namespace of its own, which can be cut without either end being told. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import { mintServerCertificate } from '../../src/simulator/pki/certificates.js';
import { authority } from '../support/loopback.js';

const PEER = fileURLToPath(new URL('./namespace-peer.mjs', import.meta.url));

let links = 0;

/** Why links cannot be made here, or nothing. */
export function noLinksBecause(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces are made by root only';
  const name = `apns-try-${process.pid}`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return undefined;
  } catch (error) {
    return `no network namespace could be made with ip(8): ${(error as Error).message.trim()}`;
  }
}

export interface SeverableLink {
  /** Where the peer listens, and whom to trust. */
  readonly options: { readonly host: string; readonly port: number; readonly tls: { readonly ca: string } };
  /** The device tokens that the peer has taken. */
  readonly took: readonly string[];
  /** Resolves when the peer has taken so many. */
  tookAll(count: number): Promise<void>;
  /** From now on nothing gets through in either direction, and nobody is told. */
  cut(): void;
}

/** @param options what `namespace-peer.mjs` takes */
export async function startBehindLink(options: {
  readonly kind: 'gateway' | 'feedback' | 'http2';
  readonly answers?: number;
  readonly maxConcurrentStreams?: number;
  readonly tuples?: string;
}): Promise<SeverableLink> {
  const id = `${process.pid.toString(36)}x${links++}`;
  const [namespace, here, there] = [`apns-${id}`, `ap${id}h`, `ap${id}t`];
  // RFC 2544, appendix C.2.2: for tests, never routed. Four addresses for each link.
  const base = (process.pid * 32 + links * 4) % 65_536;
  const address = (offset: number): string => `198.18.${base >> 8}.${(base & 0xff) + offset}`;
  const inside = (...args: string[]): string => ip('-n', namespace, ...args);
  let peer: ChildProcess | undefined;
  onTestFinished(async () => {
    if (peer !== undefined && peer.exitCode === null && peer.signalCode === null) {
      peer.kill('SIGKILL');
      await once(peer, 'exit');
    }
    // The link goes with its end. Not left to the namespace, which outlives sockets that are still closing.
    for (const args of [
      ['link', 'del', here],
      ['netns', 'del', namespace],
    ])
      ip(...args);
  });
  removeLeftovers();
  ip('netns', 'add', namespace);
  ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', namespace);
  ip('addr', 'add', `${address(1)}/30`, 'dev', here);
  inside('addr', 'add', `${address(2)}/30`, 'dev', there);
  ip('link', 'set', here, 'up');
  inside('link', 'set', there, 'up');
  const host = address(2);
  peer = spawn('ip', ['netns', 'exec', namespace, process.execPath, PEER], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { cert, key } = mintServerCertificate(authority, { hosts: [host] });
  peer.stdin!.write(`${JSON.stringify({ ...options, host, cert, key })}\n`);
  const took: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    peer!.once('exit', () => reject(new Error('the peer has ended')));
    createInterface(peer!.stdout!).on('line', (line) => {
      const [what, value] = line.split(' ') as [string, string];
      if (what === 'port') resolve(Number(value));
      else took.push(value);
    });
  });
  return {
    options: { host, port, tls: { ca: authority.cert } },
    took,
    tookAll: (count) =>
      vi.waitUntil(() => took.length >= count, { interval: 2, timeout: 10_000 }).then(() => {}),
    cut() {
      // To an address of the link layer that nobody has: interfaces stay up, and packets just go nowhere.
      const nobody = ['lladdr', '02:00:00:00:00:99', 'nud', 'permanent'];
      ip('neigh', 'replace', address(2), ...nobody, 'dev', here);
      inside('neigh', 'replace', address(1), ...nobody, 'dev', there);
    },
  };
}

/** Removes what tests have left that were killed. */
function removeLeftovers(): void {
  for (const [, name, pid] of ip('netns', 'list').matchAll(/^(apns-([0-9a-z]+)x\d+)/gm)) {
    if (!existsSync(`/proc/${Number.parseInt(pid!, 36)}`)) ip('netns', 'del', name!);
  }
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
