/** One request's part of the shared delivery. Part of the HTTP proxy example. */
import { Duplex } from 'node:stream';

/**
 * A Duplex from the notifications of one request to their outcomes. It holds at most `limit` of them, on
 * their way or unread: a client that does not read its outcomes is not read either, and slows nobody else.
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

  /** The outcome of a notification that was written. */
  settle(outcome) {
    if (this.destroyed) return; // The client has gone; what it sent is delivered all the same.
    this.#pending--;
    this.push(outcome);
    this.#advance();
  }

  /** Adds the outcome of a line that never became a notification; throws if those it has are not read. */
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

  _read() {} // Outcomes come when they come.

  read(size) {
    const outcome = super.read(size);
    // Not in _read(), which is called before the outcome has left.
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
