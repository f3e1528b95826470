/** `apns-streams simulate`: the embedded simulator as a separate process. */

import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { SecureVersion } from 'node:tls';
import { MAX_TIMER_MS } from '../../core/options.js';
import type { SickConnectionsFault, Simulator, SimulatorTlsOptions } from '../../simulator/index.js';
import type { OptionValues } from '../args/arguments.js';
import { type Command, defineCommand } from '../args/command.js';
import { adviceForContents, mistakenFor, shownValue } from '../args/mistaken-value.js';
import { CommandError, systemProblem, usageError } from '../command-error.js';
import { ExitCode } from '../exit-code.js';
import type { CommandIo } from '../io.js';
import { counted, grouped } from '../output/format-number.js';
import { print } from '../output/output.js';
import { runUntilSignal } from '../stop-signals.js';
import { AcceptedLog } from './accepted-log.js';

const OPTIONS = {
  credentials: {
    kind: 'text',
    value: 'DIR',
    help: 'The directory of the credentials; if it has none, they are created there (a temporary directory, removed at the end).',
    contents: 'the key',
  },
  topic: { kind: 'text', value: 'ID', help: 'The bundle identifier of new credentials (com.example.app).' },
  'gateway-port': {
    kind: 'integer',
    value: 'N',
    help: 'The port of the gateway (any free one).',
    max: 65_535,
  },
  'feedback-port': {
    kind: 'integer',
    value: 'N',
    help: 'The port of the feedback service (any free one).',
    max: 65_535,
  },
  'http2-port': {
    kind: 'integer',
    value: 'N',
    help: 'The port of the HTTP/2 provider API (any free one).',
    max: 65_535,
  },
  'tls-min': {
    kind: 'choice',
    choices: ['1.0', '1.1', '1.2', '1.3'],
    help: 'The minimum TLS version (1.2). 1.0 and 1.1 also enable the ciphers that they need.',
  },
  'tls-max': {
    kind: 'choice',
    choices: ['1.0', '1.1', '1.2', '1.3'],
    help: 'The maximum TLS version (1.3).',
  },
  record: {
    kind: 'text',
    value: 'FILE',
    help: 'Write every accepted notification to this file, one line of JSON each.',
  },
  unregistered: {
    kind: 'text',
    value: 'FILE',
    help: 'Device tokens, one per line, that the feedback service lists as unregistered.',
  },
  'after-error': {
    kind: 'choice',
    choices: ['drain', 'reset'],
    help: 'Binary gateway: after an error response, read on until the client closes (drain), or reset the connection.',
  },
  'split-error-response': {
    kind: 'flag',
    help: 'Binary gateway: send the six bytes of an error response one by one.',
  },
  'latency-ms': {
    kind: 'integer',
    value: 'MS',
    help: 'Binary gateway: delay each error response by this long; the frames after the bad one are discarded (0).',
    min: 0,
    max: MAX_TIMER_MS,
  },
  'close-on-connect': { kind: 'flag', help: 'Binary gateway: close every connection as soon as it is made.' },
  stall: { kind: 'flag', help: 'Binary gateway: do not read from any connection.' },
  'gateway-sick': {
    kind: 'choice',
    choices: ['processing-error', 'invalid-token', 'no-read', 'no-response'],
    help: 'Binary gateway: every connection has this fault, or only the first ones (--sick-connections).',
  },
  'http2-sick': {
    kind: 'choice',
    choices: ['internal-error', 'shutdown', 'refuse-streams', 'reset-streams', 'no-response', 'no-window'],
    help: 'HTTP/2: every connection has this fault, or only the first ones (--sick-connections).',
  },
  'sick-connections': {
    kind: 'integer',
    value: 'N',
    help: 'With --gateway-sick and --http2-sick: how many connections have the fault; later connections work (all).',
  },
} as const;

/** OpenSSL 3 refuses TLS 1.0 and 1.1 at any higher security level. */
const OLD_CIPHERS = 'DEFAULT@SECLEVEL=0';

/** See `apns-streams simulate --help`. */
export const simulateCommand: Command = defineCommand({
  name: 'simulate',
  summary: 'Run a gateway, a feedback service and the HTTP/2 API on this machine, for tests and trials.',
  usage: '[OPTION…]',
  options: OPTIONS,
  notes: [
    'When all services listen, one line of JSON on standard output gives their addresses: {"gateway":{"host","port"},"feedback":{"host","port"},"http2":{"host","port"},"credentials":DIR}. It listens on loopback only and runs until SIGINT, SIGTERM or SIGHUP, which end it with exit code 0.',
    'A device token can select a fault for its notification, over either protocol: see docs/simulator.md.',
  ],
  examples: [
    'apns-streams simulate --credentials ./credentials --gateway-port 2195 --feedback-port 2196',
    'apns-streams send in.ndjson --to binary://127.0.0.1:2195 --credentials ./credentials',
  ],
  async run({ values }, io) {
    const sick = values['gateway-sick'] ?? values['http2-sick'];
    if (values['sick-connections'] !== undefined && sick === undefined) {
      throw usageError('--sick-connections needs --gateway-sick or --http2-sick');
    }
    const { 'tls-min': min = '1.0', 'tls-max': max = '1.3' } = values;
    if (min > max) throw usageError(`--tls-min ${min} is newer than --tls-max ${max}`);
    const given = values.credentials;
    const directory = given === undefined ? await makeDirectory() : resolve(given);
    try {
      await runUntilSignal(io, (stop) => simulate(values, directory, io, stop));
    } finally {
      if (given === undefined) await rm(directory, { recursive: true, force: true });
    }
    return ExitCode.Ok;
  },
});

async function makeDirectory(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), 'apns-streams-'));
  } catch (cause) {
    const message = `cannot create a temporary directory in ${tmpdir()}: ${systemProblem(cause)}`;
    throw new CommandError(ExitCode.BadConfiguration, message, {
      cause,
      hint: 'set TMPDIR to a writable directory, or give --credentials DIR',
    });
  }
}

type SimulateValues = OptionValues<typeof OPTIONS>;

async function simulate(
  values: SimulateValues,
  directory: string,
  io: CommandIo,
  stop: AbortSignal,
): Promise<void> {
  const unregistered = values.unregistered === undefined ? [] : await readTokens(values.unregistered);
  const simulator = await start(values, directory);
  const log =
    values.record === undefined ? undefined : new AcceptedLog(simulator.accepted, values.record, io.clock);
  try {
    for (const token of unregistered) simulator.devices.unregister(token);
    const ready = {
      gateway: { host: simulator.gateway.host, port: simulator.gateway.port },
      feedback: { host: simulator.feedback.host, port: simulator.feedback.port },
      http2: { host: simulator.http2.host, port: simulator.http2.port },
      credentials: directory,
    };
    await print(io.stdout, `${JSON.stringify(ready)}\n`);
    const stopped = stop.aborted ? Promise.resolve() : once(stop, 'abort');
    await (log === undefined ? stopped : Promise.race([stopped, log.failed]));
  } finally {
    await simulator.close();
    await log?.close();
  }
  const { accepted, rejected, discarded, connections } = simulator.counts;
  io.stderr.write(
    `apns-streams: ${grouped(accepted)} accepted, ${grouped(rejected)} rejected (checkpoints included), ${grouped(discarded)} discarded on ${counted(connections, 'connection')}\n`,
  );
}

async function start(values: SimulateValues, directory: string): Promise<Simulator> {
  const {
    topic,
    'gateway-port': gatewayPort,
    'feedback-port': feedbackPort,
    'http2-port': http2Port,
  } = values;
  const { 'latency-ms': latencyMs, 'after-error': afterError } = values;
  // The import is here, so that other commands do not load the simulator.
  const { createSimulator } = await import('../../simulator/index.js');
  try {
    return await createSimulator({
      credentials: directory,
      record: values.record === undefined ? 'counts' : 'full',
      ...(topic === undefined ? {} : { topic }),
      tls: tlsVersions(values['tls-min'], values['tls-max']),
      gateway: {
        splitErrorResponse: values['split-error-response'],
        closeOnConnect: values['close-on-connect'],
        stall: values.stall,
        ...(gatewayPort === undefined ? {} : { port: gatewayPort }),
        ...(latencyMs === undefined ? {} : { latencyMs }),
        ...(afterError === undefined ? {} : { afterError }),
        ...sickConnections(values['gateway-sick'], values['sick-connections']),
      },
      ...(feedbackPort === undefined ? {} : { feedback: { port: feedbackPort } }),
      http2: {
        ...(http2Port === undefined ? {} : { port: http2Port }),
        ...sickConnections(values['http2-sick'], values['sick-connections']),
      },
    });
  } catch (error) {
    const { syscall, port, code } = error as NodeJS.ErrnoException & { port?: number };
    if (syscall !== undefined && syscall !== 'listen') {
      throw new CommandError(ExitCode.BadConfiguration, `cannot use --credentials: ${systemProblem(error)}`);
    }
    if (syscall !== 'listen') throw error;
    const problem = code === 'EADDRINUSE' ? 'another process uses it' : systemProblem(error);
    throw new CommandError(ExitCode.CannotConnect, `cannot listen on port ${port}: ${problem}`, {
      cause: error,
      hint: 'choose another port, or omit the option to use a free one',
    });
  }
}

type TlsVersion = '1.0' | '1.1' | '1.2' | '1.3';

/** A lower `max` than Node's least version, 1.2, lowers the least version as well. */
function tlsVersions(min: TlsVersion | undefined, max: TlsVersion | undefined): SimulatorTlsOptions {
  const least = min ?? (max !== undefined && max < '1.2' ? max : undefined);
  return {
    ...(least === undefined ? {} : { minVersion: nodeVersion(least) }),
    ...(max === undefined ? {} : { maxVersion: nodeVersion(max) }),
    ...(least !== undefined && least < '1.2' ? { ciphers: OLD_CIPHERS } : {}),
  };
}

function nodeVersion(version: TlsVersion): SecureVersion {
  return version === '1.0' ? 'TLSv1' : `TLSv${version}`;
}

function sickConnections<Sickness extends string>(
  how: Sickness | undefined,
  connections: number | undefined,
): { readonly sickConnections?: SickConnectionsFault<Sickness> } {
  if (how === undefined) return {};
  return { sickConnections: { how, ...(connections === undefined ? {} : { connections }) } };
}

async function readTokens(path: string): Promise<readonly string[]> {
  try {
    return (await readFile(path, 'utf8')).split(/\s+/).filter((token) => token !== '');
  } catch (cause) {
    throw new CommandError(
      ExitCode.BadConfiguration,
      `cannot read --unregistered ${shownValue(path)}: ${systemProblem(cause)}`,
      mistakenFor(path) === 'a device token' ? { hint: adviceForContents('the device token') } : {},
    );
  }
}
