import type { ApnsEnvironment } from '../pki/certificates.js';
import type { ServiceContext } from '../service-context.js';
import type { ExchangeHost, ProviderExchange } from './exchange.js';
import type { ActiveGoawayFault, Http2FaultState } from './faults.js';
import type { ProviderAuth } from './provider-auth.js';
import type { ProviderTokenCheck } from './provider-token-check.js';
import type { Http2Wire } from './wire.js';

/** The state that the connections of the HTTP/2 service share. */
export interface ProviderContext extends Omit<ServiceContext, 'tls'> {
  readonly faults: Http2FaultState;
  readonly tokens: ProviderTokenCheck;
  /** The environment that certificates and provider keys must be valid for, if any. */
  readonly environment: ApnsEnvironment | undefined;
  /** Whether responses carry `apns-unique-id`, as those of the sandbox do. */
  readonly uniqueId: boolean;
}

/** The actions of a request on its connection. */
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
  /** Ends the connection. Requests without a response are discarded. */
  end(ending: { readonly reset: boolean }): void;
  /** Holds this request and every later one, without a limit if no time is given. */
  hold(ms: number | undefined, onReleased: () => void): void;
  /** Drops a request without a response. */
  drop(exchange: ProviderExchange): void;
  /** Starts a timer that is cleared when the connection closes. */
  after(ms: number, action: () => void): void;
}

/** The content of a GOAWAY, and how the connection ends after it. */
export type Goaway = Pick<ActiveGoawayFault, 'lastStreams' | 'errorCode' | 'debugData' | 'afterwards'> & {
  /** What JSON debug data names. @default 'Shutdown' */
  readonly reason?: string;
};

/** The GOAWAY of a connection that is closed in order. */
export const ORDERLY_GOAWAY: Goaway = {
  lastStreams: ['all'],
  errorCode: 0,
  debugData: 'json',
  afterwards: 'drain',
};
