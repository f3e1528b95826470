/** The delivery that all requests of the HTTP proxy example share. */
import { once } from 'node:events';

/** Owns the delivery, replaces it after a failure, and passes each outcome to its lane. */
export class SharedDelivery {
  #create;
  #delivery;
  #room;
  /** The lane of each notification object without an outcome. */
  #lanes = new Map();

  /** @param create creates a delivery, over either protocol */
  constructor(create) {
    this.#create = create;
  }

  /** Takes a notification of a lane; resolves when there is room for the next one. */
  async send(notification, lane) {
    this.#delivery ??= this.#open();
    this.#lanes.set(notification, lane);
    if (this.#delivery.write(notification)) return;
    this.#room ??= once(this.#delivery, 'drain')
      .catch(() => {}) // The 'error' listener below reports it.
      .finally(() => {
        this.#room = undefined;
      });
    await this.#room;
  }

  /** Settles everything, for at most `closeTimeoutMs`. */
  async close() {
    await this.#delivery?.[Symbol.asyncDispose]();
  }

  #open() {
    const delivery = this.#create();
    delivery.on('data', (outcome) => {
      this.#lanes.get(outcome.notification)?.settle(outcome);
      this.#lanes.delete(outcome.notification);
    });
    delivery.on('error', ({ code, message }) => console.error(code, message));
    delivery.on('close', () => {
      this.#delivery = undefined;
      for (const lane of this.#lanes.values()) lane.destroy(new Error('the delivery has ended'));
      this.#lanes.clear();
    });
    return delivery;
  }
}
