/** `--to`: maps targets to deliveries. No other module knows this mapping. */
import { loadCredentials } from '../../connection/credentials.js';
import { ProviderToken } from '../../connection/provider-token.js';
import { nearestName } from '../../core/nearest-name.js';
import type { Notification } from '../../core/notification.js';
import { createBinaryDelivery, createHttp2Delivery } from '../../deliveries/delivery.js';
import type { BinaryOptions } from '../../engine/binary/options.js';
import type { Http2Options } from '../../engine/http2/options.js';
import { RequestPreparer } from '../../engine/http2/pending-notification.js';
import { FrameSlab } from '../../protocol/binary/frame-slab.js';
import type { Simulator } from '../../simulator/index.js';
import { parseAddress } from '../args/address.js';
import { usageError } from '../command-error.js';
import { DryRun } from './dry-run.js';
import type { DeliveryOptions } from './send-options.js';
import type { CountingDelivery } from './sending.js';

/** A running delivery. */
export interface OpenDelivery {
  readonly stream: CountingDelivery;
  /** Closes resources that were started only for this delivery. */
  close(): Promise<void>;
}

/** A target of notifications. */
export interface SendTarget {
  readonly wire: 'http2' | 'binary';
  /** Starts a delivery, which connects with the first notification. */
  open(options: DeliveryOptions): Promise<OpenDelivery>;
  /** Makes a check for all that this target's wire demands; it throws InvalidNotificationError. */
  createCheck(options: DeliveryOptions): (notification: Notification) => void;
}

const TARGET_NAMES = ['production', 'sandbox', 'simulator:http2', 'simulator:binary'] as const;

/** @throws {CommandError} exit code 64 if the text is not a target */
export function parseTarget(text: string): SendTarget {
  if (text === 'production' || text === 'sandbox') return http2Target({ environment: text });
  if (text === 'simulator:http2') {
    return { wire: 'http2', open: openHttp2Simulator, createCheck: createHttp2Check };
  }
  if (text === 'simulator:binary') {
    return { wire: 'binary', open: openBinarySimulator, createCheck: createBinaryCheck };
  }
  if (text.startsWith('https://')) return http2Target(parseAddress('--to', text, 'https:'));
  if (text.startsWith('binary://')) return binaryTarget(parseAddress('--to', text, 'binary:'));
  const nearest = resemblingTarget(text);
  throw usageError(
    `--to is not a known target${nearest === undefined ? '' : `: did you mean ${nearest}?`}`,
    'the known targets are production, sandbox, https://HOST[:PORT], binary://HOST[:PORT], simulator:http2 and simulator:binary',
  );
}

/** The target that was probably meant. The text is not repeated, because it may contain a password by mistake. */
function resemblingTarget(text: string): string | undefined {
  if (/^[\w.-]+\.[\w-]+(:\d+)?$|^[\w.-]+:\d+$|^\[[\da-f:]+\](:\d+)?$|^http:/i.test(text)) {
    return 'https://HOST[:PORT] or binary://HOST[:PORT]';
  }
  return nearestName(text, TARGET_NAMES);
}

/** A delivery that checks everything that sending would check, credentials included, but does not connect. */
export async function openDryRun(target: SendTarget, options: DeliveryOptions): Promise<OpenDelivery> {
  loadCredentials(options.tls);
  if (options.providerToken !== undefined) new ProviderToken(options.providerToken);
  return { stream: new DryRun(target.createCheck(options)), close: async () => {} };
}

function http2Target(where: Pick<Http2Options, 'environment' | 'host' | 'port'>): SendTarget {
  return {
    wire: 'http2',
    open: async (options) => ({ stream: openHttp2(options, where), close: async () => {} }),
    createCheck: (options) => {
      // Reads the options and credentials as sending would; nothing is dialled before a notification comes.
      openHttp2(options, where);
      return createHttp2Check(options);
    },
  };
}

function binaryTarget(where: Pick<BinaryOptions, 'host' | 'port'>): SendTarget {
  return {
    wire: 'binary',
    open: async (options) => ({ stream: openBinary(options, where), close: async () => {} }),
    createCheck: createBinaryCheck,
  };
}

function openHttp2(options: DeliveryOptions, where: Http2Options): CountingDelivery {
  refuseBinaryOptions(options);
  const { checkpoint: _, window: { ageMs: __, ...window } = {}, ...rest } = options;
  return createHttp2Delivery({ ...rest, window, ...where });
}

function openBinary(options: DeliveryOptions, where: BinaryOptions): CountingDelivery {
  refuseHttp2Options(options);
  const { providerToken: _, topic: __, ...rest } = options;
  return createBinaryDelivery({ ...rest, ...where });
}

/** Rejects options that would have no effect but promise one. A topic or an age without effect is harmless. */
function refuseBinaryOptions({ checkpoint }: DeliveryOptions): void {
  if (checkpoint !== undefined)
    throw usageError(
      '--checkpoint is for the binary protocol: over HTTP/2, every notification gets a response',
    );
}

function refuseHttp2Options({ providerToken }: DeliveryOptions): void {
  if (providerToken !== undefined) {
    throw usageError(
      '--provider-key and --auth token are for HTTP/2: the binary protocol supports client certificates only',
    );
  }
}

async function openHttp2Simulator(options: DeliveryOptions): Promise<OpenDelivery> {
  return openSimulator('simulator:http2', options, ({ credentials, http2: { host, port } }) => {
    const { ca, keyId, teamId, providerKey: key } = credentials;
    return openHttp2(
      { ...options, topic: credentials.topic, tls: { ca }, providerToken: { key, keyId, teamId } },
      { host, port },
    );
  });
}

async function openBinarySimulator(options: DeliveryOptions): Promise<OpenDelivery> {
  return openSimulator('simulator:binary', options, ({ credentials, gateway: { host, port } }) => {
    const { ca, cert, key } = credentials;
    return openBinary({ ...options, tls: { ca, cert, key } }, { host, port });
  });
}

async function openSimulator(
  target: string,
  { tls = {}, providerToken, topic }: DeliveryOptions,
  openStream: (simulator: Simulator) => CountingDelivery,
): Promise<OpenDelivery> {
  if (providerToken !== undefined || Object.keys(tls).length > 0) {
    throw usageError(
      `${target} uses its own credentials: omit --cert, --key, --p12, --ca and --provider-key`,
    );
  }
  const { createSimulator } = await import('../../simulator/index.js');
  const simulator = await createSimulator({ record: 'counts', ...(topic === undefined ? {} : { topic }) });
  try {
    return { stream: openStream(simulator), close: () => simulator.close() };
  } catch (error) {
    await simulator.close();
    throw error;
  }
}

/** Makes a check for all that HTTP/2 demands; it throws InvalidNotificationError. */
function createHttp2Check(options: DeliveryOptions): (notification: Notification) => void {
  refuseBinaryOptions(options);
  const { providerToken, topic } = options;
  const auth = providerToken === undefined ? 'certificate' : 'token';
  const preparer = new RequestPreparer({ auth, defaultTopic: topic });
  return (notification) => void preparer.prepare(notification, 0);
}

function createBinaryCheck(options: DeliveryOptions): (notification: Notification) => void {
  refuseHttp2Options(options);
  return createFrameCheck();
}

/** Makes a check for all that frames of command 2 demand; it throws InvalidNotificationError. */
export function createFrameCheck(): (notification: Notification) => void {
  const slab = new FrameSlab({ command: 2, identify: (wanted) => wanted ?? 1 });
  return (notification) => {
    slab.append(notification);
    slab.take();
  };
}
