import type { TlsOptions } from 'node:tls';
import type { SimulatorState } from './simulator-state.js';
import type { ConnectionLimits, LoopbackHost } from './tls-listener.js';

/** The context that every service of a simulator gets. */
export interface ServiceContext {
  readonly state: SimulatorState;
  readonly host: LoopbackHost;
  readonly limits: Required<ConnectionLimits>;
  readonly tls: TlsOptions;
}
