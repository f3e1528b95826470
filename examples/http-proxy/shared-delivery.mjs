/** One delivery shared by all requests. Part of the HTTP proxy example. */
import { once } from 'node:events';

/** Owns the delivery, makes another one when it has failed, and brings each outcome back to its lane. */
export class SharedDelivery {
  #create;
  #delivery;
  #room;
  /** Which lane waits for the outcome of which notification, by the object itself. */
  #lanes = new Map();

  /** @param create makes a delivery, over either wire */
  constructor(create) {
    this.#create = create;
  }

  /** Takes a notification of a lane; resolves when there is room for the next one. */
  async send(notification, lane) {
    this.#delivery ??= this.#open();
    this.#lanes.set(notification, lane);
    if (this.#delivery.write(notification)) return;
    this.#room ??= once(this.#delivery, 'drain')
      .catch(() => {}) // Told by 'error' below.
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
