import type { ApnsEnvironment } from '../pki/certificates.js';
import type { ServiceContext } from '../service-context.js';
import type { ExchangeHost, ProviderExchange } from './exchange.js';
import type { ActiveGoawayFault, Http2FaultState } from './faults.js';
import type { ProviderAuth } from './provider-auth.js';
import type { ProviderTokenCheck } from './provider-token-check.js';
import type { Http2Wire } from './wire.js';

/** What the connections of the HTTP/2 side share. */
export interface ProviderContext extends Omit<ServiceContext, 'tls'> {
  readonly faults: Http2FaultState;
  readonly tokens: ProviderTokenCheck;
  /** The environment that certificates and provider keys must be valid for, if any. */
  readonly environment: ApnsEnvironment | undefined;
  /** Whether responses carry `apns-unique-id`, as those of the sandbox do. */
  readonly uniqueId: boolean;
}

/** What a request can do to the connection it came by. */
export interface ProviderConnectionControl extends ExchangeHost {
  readonly context: ProviderContext;
  readonly auth: ProviderAuth;
  readonly wire: Http2Wire;
  /**
   * Drops the requests above the last stream, sends GOAWAY, and ends the connection as requested.
   *
   * @param behind the exchange whose response must be written before the GOAWAY
   */
  goaway(goaway: Goaway, behind?: ProviderExchange): void;
  /** Ends the connection. What is not answered is discarded. */
  end(ending: { readonly reset: boolean }): void;
  /** Lets this request, and every one behind it, wait; for ever if no time is given. */
  hold(ms: number | undefined, onReleased: () => void): void;
  /** Leaves a stream to itself, without an answer. */
  drop(exchange: ProviderExchange): void;
  /** A timer that dies with the connection. */
  after(ms: number, action: () => void): void;
}

/** What a GOAWAY says and what becomes of the connection. */
export type Goaway = Pick<ActiveGoawayFault, 'lastStreams' | 'errorCode' | 'debugData' | 'afterwards'> & {
  /** What JSON debug data names. @default 'Shutdown' */
  readonly reason?: string;
};
