/** Follows the events of `connection/dial`, for the progress display. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { formatPeer } from '../../core/errors.js';
import { CONNECTION_CHANNEL, type ConnectionEvent } from '../../telemetry/connection-event.js';
import { inFlags } from '../output/format-error.js';

/** Listens from its construction until {@link ConnectionNews.dispose}. */
export class ConnectionNews {
  #text: string | undefined;
  #hasConnected = false;

  constructor() {
    subscribe(CONNECTION_CHANNEL, this.#onEvent);
  }

  /** The reason why there is no connection, or the connection that is being made; `undefined` while connected. */
  get text(): string | undefined {
    return this.#text;
  }

  dispose(): void {
    unsubscribe(CONNECTION_CHANNEL, this.#onEvent);
  }

  readonly #onEvent = (message: unknown): void => {
    const published = message as ConnectionEvent;
    if (published.event === 'failed') {
      this.#text = `cannot connect, retrying: ${inFlags(published.error.message)}`;
    } else if (published.event === 'connected') {
      this.#hasConnected = true;
      this.#text = undefined;
    } else if (!this.#hasConnected) {
      // Keep the last failure, because it is more informative than the attempt that follows it.
      this.#text ??= `connecting to ${formatPeer(published)}`;
    }
  };
}
