/** A simulator behind fault proxies, used for many runs, one after the other. */
import type { SimulatorCredentials } from '../../src/simulator/pki/credentials.js';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.js';
import type { ConnectionCounts } from '../../src/simulator/simulator-counts.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import type { ModelPlan, ServicePlan } from './model-plan.js';

/** The connections, from 0 on each wire, that a device token was accepted on. */
export type Acceptances = ReadonlyMap<string, readonly number[]>;

/** What the simulator knows of a run. */
export interface SimulatorBooks {
  readonly accepted: Acceptances;
  /** The connections whose handshake was completed. */
  readonly connections: readonly Readonly<ConnectionCounts>[];
}

export class ModelBench {
  readonly simulator: Simulator;
  readonly #proxies: { readonly binary: FaultProxy; readonly http2: FaultProxy };
  #runs = 0;
  /** The last connection of the runs before this one. */
  #lastConnection = 0;

  private constructor(simulator: Simulator, proxies: ModelBench['proxies']) {
    this.simulator = simulator;
    this.#proxies = proxies;
  }

  /** @param credentials made once: every bench has the same */
  static async start(credentials?: SimulatorCredentials): Promise<ModelBench> {
    const simulator = await createSimulator({
      record: 'tokens',
      limits: { drainTimeoutMs: 200 },
      ...(credentials === undefined ? {} : { credentials }),
    });
    const { gateway, http2 } = simulator;
    const proxies = { binary: await startFaultProxy(gateway), http2: await startFaultProxy(http2) };
    return new ModelBench(simulator, proxies);
  }

  get proxies(): { readonly binary: FaultProxy; readonly http2: FaultProxy } {
    return this.#proxies;
  }

  /** Has the plan's faults strike from now on. Returns the number of the run. */
  prepare({ services, connections }: ModelPlan): number {
    setServiceFaults(this.simulator, services);
    this.#lastConnection = this.simulator.counts.connections;
    for (const proxy of [this.#proxies.binary, this.#proxies.http2]) {
      const first = proxy.made;
      proxy.scriptOf = (nth) => connections[nth - first] ?? {};
    }
    return this.#runs++;
  }

  /**
   * Ends every connection that is left, and returns what the simulator knows since the last time.
   *
   * @param deviceTokens all that were sent to, whose devices are forgotten
   */
  async conclude(deviceTokens: Iterable<string>): Promise<SimulatorBooks> {
    const { simulator } = this;
    const proxies = [this.#proxies.binary, this.#proxies.http2];
    for (const proxy of proxies) proxy.disconnect();
    while (proxies.some(({ open }) => open > 0)) await new Promise(setImmediate);
    // One that stalls does not see that its client has gone.
    simulator.gateway.disconnect('reset');
    simulator.http2.disconnect('reset');
    await simulator.waitFor(({ openConnections }) => openConnections === 0);
    const accepted = new Map<string, number[]>();
    for (const { deviceToken, connection } of simulator.accepted) {
      const numbers = accepted.get(deviceToken);
      if (numbers === undefined) accepted.set(deviceToken, [connection]);
      else numbers.push(connection);
    }
    const connections = simulator.connections.filter(({ connection }) => connection > this.#lastConnection);
    for (const deviceToken of deviceTokens) simulator.devices.register(deviceToken);
    simulator.accepted.clear();
    return { accepted, connections };
  }

  async close(): Promise<void> {
    await Promise.all([this.#proxies.binary.close(), this.#proxies.http2.close()]);
    await this.simulator.close();
  }
}

/** Puts the faults of a plan in place of those before it; `null` for none. */
export function setServiceFaults({ gateway, http2 }: Simulator, services: ServicePlan | null): void {
  gateway.setFaults({
    afterError: 'drain',
    splitErrorResponse: false,
    latencyMs: 0,
    closeOnConnect: false,
    sickConnections: undefined,
    ...services?.gateway,
  });
  http2.setFaults({
    maxConcurrentStreams: 1000,
    startAtOneStream: false,
    fallToOneAfterRejection: false,
    goaway: undefined,
    refuseStreams: 0,
    latencyMs: 0,
    storm429: undefined,
    bodyKind: 'json',
    sickConnections: undefined,
    ...services?.http2,
  });
}
