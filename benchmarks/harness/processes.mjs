// Starts the processes of a workload: servers, which run until they are stopped, and clients, one after the
// other.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const CLIENT = fileURLToPath(new URL('client-process.mjs', import.meta.url));

/** Starts a module of servers/; resolves with the message it sends when it listens, and how to stop it. */
export async function startServer(name, options = {}) {
  const module = fileURLToPath(new URL(`../servers/${name}.mjs`, import.meta.url));
  const child = fork(module, [JSON.stringify(options)]);
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended with exit code ${code}`);
  });
  const [message] = await Promise.race([once(child, 'message'), failed]);
  failed.catch(() => {});
  return { ...message, stop: () => stop(child) };
}

/** Kills a process unless it has ended, and waits for its end. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** Runs a client to its end. What it came to, or `{ problem }` where it did not get that far. */
export async function runClient({ client, job, nodeOptions = [], env = {}, timeoutMs = 300_000 }) {
  const child = fork(CLIENT, { execArgv: nodeOptions, env: { ...process.env, ...env }, silent: true });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr = (stderr + text).slice(-4000);
  });
  child.stdout.resume();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  child.send({ client, job });
  let result;
  child.once('message', (message) => {
    result = message;
  });
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  if (result !== undefined) return result;
  if (isLate) return { problem: `stopped after ${timeoutMs / 1000} s` };
  return { problem: problemOf(stderr) ?? `ended with ${signal ?? `exit code ${code}`}` };
}

function problemOf(stderr) {
  if (/heap out of memory|heap limit/i.test(stderr)) return 'out of memory';
  return stderr
    .split('\n')
    .find((line) => /Error/.test(line))
    ?.trim()
    .slice(0, 120);
}
