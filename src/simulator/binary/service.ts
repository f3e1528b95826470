/** The binary gateway: the port that frames go to, and its connections. */
import { checkOptionNames } from '../../core/options.js';
import type { ServiceContext } from '../service-context.js';
import { type GatewaySickness, SickConnectionsState } from '../sick-connection.js';
import { type LoopbackConnection, type LoopbackHost, listenTls, type TlsListener } from '../tls-listener.js';
import { GatewayConnection } from './connection.js';
import {
  type ActiveGatewayFaults,
  changeGatewayFaults,
  type GatewayFaults,
  NO_GATEWAY_FAULTS,
} from './faults.js';

/** The port of the gateway, and its initial faults. */
export interface GatewayServiceOptions extends GatewayFaults {
  /** @default 0, any free port */
  readonly port?: number;
}

/**
 * The binary gateway of a simulator: accepts frames of every command, answers the first bad one with an error
 * response, drops what follows, and closes. Apple, "Binary Provider API".
 */
export class GatewayService {
  readonly #connections = new Set<GatewayConnection>();
  readonly #context: ServiceContext;
  #listener: TlsListener | undefined;
  #faults: ActiveGatewayFaults;
  readonly #sickConnections = new SickConnectionsState<GatewaySickness>();

  private constructor(context: ServiceContext, faults: ActiveGatewayFaults) {
    this.#context = context;
    this.#faults = faults;
    this.#sickConnections.set(faults.sickConnections);
  }

  /** @throws {ApnsError} APNS_ERR_INVALID_OPTION; or the system's error where the port cannot be had */
  static async start(context: ServiceContext, options: GatewayServiceOptions = {}): Promise<GatewayService> {
    checkOptionNames('gateway', options, ['port', ...Object.keys(NO_GATEWAY_FAULTS)]);
    const { port, ...faults } = options;
    const service = new GatewayService(context, changeGatewayFaults(NO_GATEWAY_FAULTS, faults));
    service.#listener = await listenTls({
      ...context,
      name: 'gateway',
      port,
      onConnection: (connection) => service.#onConnection(connection),
    });
    return service;
  }

  get host(): LoopbackHost {
    return this.#context.host;
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** The active faults. */
  get faults(): GatewayFaults {
    return this.#faults;
  }

  /**
   * Changes faults from now on, for old connections as for new ones; those not named stay as they are.
   *
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION, and nothing is changed
   */
  setFaults(changes: GatewayFaults): void {
    checkOptionNames('gateway', changes, Object.keys(NO_GATEWAY_FAULTS));
    this.#faults = changeGatewayFaults(this.#faults, changes);
    if ('sickConnections' in changes) this.#sickConnections.set(this.#faults.sickConnections);
    for (const connection of this.#connections) connection.setFaults(this.#faults);
  }

  /** Ends every connection without a packet. Unread data is lost, as with a real gateway. */
  disconnect(how: 'close' | 'reset' = 'close'): void {
    for (const connection of this.#connections) connection.disconnect(how);
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  #onConnection(connection: LoopbackConnection): void {
    const { state, limits } = this.#context;
    const { closeOnConnect } = this.#faults;
    const sickness = this.#sickConnections.take();
    const opened = new GatewayConnection(connection, state, limits, this.#faults, sickness);
    this.#connections.add(opened);
    connection.socket.once('close', () => this.#connections.delete(opened));
    if (closeOnConnect === false || closeOnConnect === 0) return;
    if (closeOnConnect !== true) this.setFaults({ closeOnConnect: closeOnConnect - 1 });
    opened.disconnect('close');
  }
}
