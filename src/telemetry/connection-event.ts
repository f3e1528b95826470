/** Publishes how connections are made, through `node:diagnostics_channel`. */
import { channel } from 'node:diagnostics_channel';
import type { ApnsError, Peer } from '../core/errors.js';

/** The name of the channel that {@link ConnectionEvent} objects are published on. */
export const CONNECTION_CHANNEL = 'apns-streams:connection';

/** A step of making a connection to `host` and `port`. */
export type ConnectionEvent = Peer &
  (
    | { readonly event: 'connecting' | 'connected' }
    | {
        readonly event: 'failed';
        /** The reason. A later attempt may follow. */
        readonly error: ApnsError;
      }
  );

const connections = channel(CONNECTION_CHANNEL);

/** Publishes a step. It costs nothing without a subscriber. */
export function publishConnection({ host, port }: Peer, event: 'connecting' | 'connected'): void {
  if (connections.hasSubscribers) connections.publish({ event, host, port } satisfies ConnectionEvent);
}

/** Publishes that connecting has failed. */
export function publishFailure({ host, port }: Peer, error: ApnsError): void {
  if (connections.hasSubscribers) {
    connections.publish({ event: 'failed', host, port, error } satisfies ConnectionEvent);
  }
}
