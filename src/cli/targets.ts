/** `--to`: the one place that knows which delivery reaches which target. */
import { loadCredentials } from '../connection/credentials.js';
import { createGatewayDelivery } from '../delivery.js';
import type { Notification } from '../notification.js';
import { FrameSlab } from '../protocol/binary/frame-slab.js';
import type { GatewayOptions } from '../sinks/gateway-options.js';
import { parseAddress } from './address.js';
import { type CommandError, usageError } from './command-error.js';
import { DryRun } from './dry-run.js';
import type { CountingDelivery } from './sending.js';

/** A delivery under way. */
export interface OpenDelivery {
  readonly stream: CountingDelivery;
  /** Closes what was started for this delivery alone. */
  close(): Promise<void>;
}

/** Somewhere notifications can be sent to. */
export interface SendTarget {
  /** Starts a delivery; nothing is dialled before the first notification. */
  open(options: GatewayOptions): Promise<OpenDelivery>;
  /** Makes a check for all that this target's wire demands; it throws InvalidNotificationError. */
  createCheck(): (notification: Notification) => void;
}

/** What `--to` takes, for help texts. */
export const TARGET_HELP =
  'Where to send to: binary://HOST[:PORT] (port 2195 unless given), or simulator:binary (the embedded simulator, started for this run).';

/** @throws {CommandError} exit code 64 for what is no target, or not one of this version */
export function parseTarget(text: string): SendTarget {
  if (text === 'simulator:binary') return { open: openSimulator, createCheck: createFrameCheck };
  if (text.startsWith('binary://')) {
    const address = parseAddress('--to', text, 'binary:');
    return {
      open: async (options) => ({
        stream: createGatewayDelivery({ ...options, ...address }),
        close: async () => {},
      }),
      createCheck: createFrameCheck,
    };
  }
  if (/^(?:production|sandbox|simulator:http2|https:\/\/.*)$/s.test(text)) throw notYet(text);
  throw usageError(
    '--to is none of the known targets',
    'known are production, sandbox, https://HOST[:PORT], binary://HOST[:PORT], simulator:http2 and simulator:binary',
  );
}

/** A delivery that checks all that sending would check, credentials included, and connects to nothing. */
export async function openDryRun(target: SendTarget, options: GatewayOptions): Promise<OpenDelivery> {
  loadCredentials(options.tls);
  return { stream: new DryRun(target.createCheck()), close: async () => {} };
}

async function openSimulator(options: GatewayOptions): Promise<OpenDelivery> {
  if (options.tls !== undefined && Object.keys(options.tls).length > 0) {
    throw usageError('simulator:binary brings its own credentials: leave --cert, --key, --p12 and --ca out');
  }
  const { createSimulator } = await import('../simulator/index.js');
  const simulator = await createSimulator({ record: 'counts' });
  const { ca, cert, key } = simulator.credentials;
  const { host, port } = simulator.gateway;
  return {
    stream: createGatewayDelivery({ ...options, host, port, tls: { ca, cert, key } }),
    close: () => simulator.close(),
  };
}

/** Makes a check for all that frames of command 2 demand; it throws InvalidNotificationError. */
export function createFrameCheck(): (notification: Notification) => void {
  const slab = new FrameSlab({ command: 2, identify: (wanted) => wanted ?? 1 });
  return (notification) => {
    slab.append(notification);
    slab.take();
  };
}

function notYet(text: string): CommandError {
  return usageError(
    `${text.replace(/^https:.*/s, 'https://…')} is not available yet in this version, which sends over the binary wire only`,
    'give binary://HOST[:PORT] or simulator:binary',
  );
}
