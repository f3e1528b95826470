/** Connects one request to the shared delivery of the HTTP proxy example. */
import { Duplex } from 'node:stream';

/**
 * A Duplex from the notifications of one request to their outcomes. It holds at most `limit` notifications that are in
 * flight or have unread outcomes. So a client that does not read its outcomes stops only its own request.
 */
export class Lane extends Duplex {
  #shared;
  #limit;
  #pending = 0;
  #onRoom;
  #onSettled;

  constructor(shared, limit) {
    super({ objectMode: true, readableHighWaterMark: limit, writableHighWaterMark: 1 });
    this.#shared = shared;
    this.#limit = limit;
  }

  /** Passes on the outcome of a notification that was written. */
  settle(outcome) {
    if (this.destroyed) return; // The client has disconnected. Its notifications are still delivered.
    this.#pending--;
    this.push(outcome);
    this.#advance();
  }

  /** Adds the outcome of an invalid line. Throws if too many outcomes are unread. */
  addInvalid(error) {
    if (this.readableLength >= this.#limit) throw error;
    this.push({ status: 'invalid', line: error.line, field: error.field, message: error.problem });
  }

  _write(notification, _encoding, callback) {
    this.#pending++;
    this.#shared.send(notification, this).then(() => {
      this.#onRoom = callback;
      this.#advance();
    }, callback);
  }

  _final(callback) {
    this.#onSettled = () => {
      this.push(null);
      callback();
    };
    this.#advance();
  }

  _read() {} // `settle` pushes outcomes when they are known.

  read(size) {
    const outcome = super.read(size);
    // Do this here, because _read() is called before the outcome has left the buffer.
    this.#advance();
    return outcome;
  }

  #advance() {
    if (this.#pending + this.readableLength < this.#limit) {
      const onRoom = this.#onRoom;
      this.#onRoom = undefined;
      onRoom?.();
    }
    if (this.#pending > 0) return;
    const onSettled = this.#onSettled;
    this.#onSettled = undefined;
    onSettled?.();
  }
}
