/** `apns-streams feedback`: prints the tuples of a feedback service as NDJSON. */

import { pipeline } from 'node:stream/promises';
import { ApnsError } from '../../core/errors.js';
import { MAX_TIMER_MS } from '../../core/options.js';
import { createFeedbackSource } from '../../sources/feedback-source.js';
import { createNdjsonStringifier } from '../../transforms/ndjson-stringifier.js';
import { parseAddress } from '../args/address.js';
import { type Command, defineCommand } from '../args/command.js';
import { CONNECTION_OPTIONS } from '../args/connection-options.js';
import { CommandError, usageError } from '../command-error.js';
import { readCredentials, readProxy } from '../credentials/credential-files.js';
import { ExitCode } from '../exit-code.js';
import { exitCodeOfSignal } from '../exit-status.js';
import type { CommandIo } from '../io.js';
import { createOutput } from '../output/output.js';
import { runUntilSignal } from '../stop-signals.js';

/** A feedback service sends its tuples immediately and closes. After this time without data, a note is printed. */
const SILENCE_MS = 10_000;

/** See `apns-streams feedback --help`. */
export const feedbackCommand: Command = defineCommand({
  name: 'feedback',
  summary: 'Read a feedback service: print device tokens that are no longer valid (NDJSON).',
  usage: '--to binary://HOST[:PORT] [OPTION…]',
  options: {
    to: {
      kind: 'text',
      value: 'TARGET',
      help: 'The feedback service: binary://HOST[:PORT] (port 2196 unless given).',
    },
    host: { kind: 'text', value: 'HOST', help: 'The same without a scheme.' },
    port: { kind: 'integer', value: 'N', help: 'The port of --host (2196).', max: 65_535 },
    ...CONNECTION_OPTIONS,
    'idle-timeout-ms': {
      kind: 'integer',
      value: 'MS',
      help: 'Give up on a service that neither sends a whole tuple nor closes for this long (60000).',
      max: MAX_TIMER_MS,
    },
    'interval-ms': {
      kind: 'integer',
      value: 'MS',
      help: 'Read repeatedly, this long after each read, until a signal arrives.',
      max: MAX_TIMER_MS,
    },
  },
  notes: [
    'Reading clears the list at the service for every reader, so keep the output. Drop a token only if the app has not registered it again since the timestamp (UNIX seconds).',
    'Exit code: 0 read to the end, 129/130/143 after SIGHUP, SIGINT, SIGTERM; all others as for send.',
  ],
  examples: [
    'apns-streams feedback --to binary://feedback.example.com --cert cert.pem --key key.pem',
    'apns-streams feedback --to binary://127.0.0.1:2196 --credentials ./credentials --interval-ms 86400000',
  ],
  async run({ values }, io) {
    const { to, host, port } = values;
    if ((to === undefined) === (host === undefined)) {
      throw usageError('give either --to binary://HOST[:PORT] or --host HOST');
    }
    if (to !== undefined && port !== undefined) throw usageError('--port belongs to --host, not to --to');
    if (to !== undefined && /^(production|sandbox|https:.*)$/s.test(to)) {
      throw usageError(
        '--to must be binary://HOST[:PORT]: Apple ended support for its feedback service on 31 March 2021, and its hosts no longer respond',
        'over HTTP/2, outcomes identify the devices that no longer have the app: rejected, Unregistered, with a timestamp',
      );
    }
    const address =
      to === undefined
        ? { host: host!, ...(port === undefined ? {} : { port }) }
        : parseAddress('--to', to, 'binary:');
    const {
      'interval-ms': intervalMs,
      'idle-timeout-ms': idleTimeoutMs,
      'connect-timeout-ms': connectTimeoutMs,
    } = values;
    const tls = await readCredentials(values, io);
    const proxy = await readProxy(values, io);
    // While polling, a service without new tuples is normal.
    const hush = intervalMs === undefined ? noteSilence(io) : () => {};
    const signal = await runUntilSignal(io, (stop) => {
      const source = createFeedbackSource({
        ...address,
        tls,
        signal: stop,
        ...(proxy === undefined ? {} : { proxy }),
        ...(intervalMs === undefined ? {} : { intervalMs }),
        ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
        ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
      });
      return pipeline(
        source,
        createNdjsonStringifier(),
        createOutput(io.stdout, { onWritten: hush, advice: LOST }),
      );
    })
      .catch((cause) => {
        if (!(cause instanceof ApnsError) || cause.code !== 'APNS_ERR_MALFORMED_PACKET') throw cause;
        throw new CommandError(ExitCode.CannotConnect, cause.message, { cause });
      })
      .finally(hush);
    return signal === undefined ? ExitCode.Ok : exitCodeOfSignal(signal);
  },
});

/** The advice when the disk is full. */
const LOST = 'free some space; the service may no longer list the tuples that were read but not written';

/** Prints a note once if nothing is received for a while. The returned function cancels it. */
function noteSilence(io: CommandIo): () => void {
  const hush = io.clock.every(SILENCE_MS, () => {
    hush();
    io.stderr.write(
      `apns-streams: nothing was received for ${SILENCE_MS / 1000} s: check that this is a feedback service; waiting until --idle-timeout-ms has passed\n`,
    );
  });
  return hush;
}
