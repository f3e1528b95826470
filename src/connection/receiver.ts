/**
 * Reads a socket to its last byte.
 *
 * A gateway that rejects a notification sends a few bytes and closes while this side is still writing. The next write
 * then fails (EPIPE, ECONNRESET), and Node destroys the socket at once, although the kernel still buffers the error
 * response. Here, a failed write ends only the writing. Reading continues until the peer ends, a read fails or a short
 * grace period passes. Then the socket is destroyed with the error of the write.
 */
import type { Socket } from 'node:net';
import type { ApnsError, Peer } from '../core/errors.js';
import { toApnsError } from './node-error.js';
import { PeerTimeout } from './peer-timeout.js';

/** The events of a socket, in this order: bytes, at most one end, exactly one close. Handlers must not throw. */
export interface ReceiveHandlers {
  /** Receives the bytes of the peer, each exactly once and in order. */
  onBytes(chunk: Buffer): void;
  /** The peer ended its side of the connection. */
  onEnd?(): void;
  /** The socket is closed, and all bytes were passed on. `cause` is absent if it closed without an error. */
  onClose(cause: ApnsError | undefined): void;
}

/** Pauses and resumes reading. */
export interface Receiver {
  /** Pauses reading. Reading resumes when the peer ends or a write fails, because the rest is finite and may explain it. */
  pause(): void;
  /** Passes on the bytes that arrived during the pause, and continues to read. */
  resume(): void;
}

/** The time to wait for bytes in transit after a failed write. Usually they have arrived already. */
const GRACE_MS = 1000;

/**
 * Takes over the reading of a connected socket, plain or TLS, including bytes that have already arrived. Other code
 * must not read or pause the socket. The first call of a handler happens in the next tick. The callback of a failed
 * write is called before the last bytes are read, so the result of a connection is final only in `onClose`.
 *
 * This function replaces two methods of the socket, because Node has no option for either. A failed write calls
 * `destroy`, and `push` discards what is read after that. A `destroy` for any other reason takes effect at once.
 *
 * @param peer how to name the other end in errors; its address unless given
 */
export function receive(socket: Socket, handlers: ReceiveHandlers, peer: Peer = addressOf(socket)): Receiver {
  const push = socket.push.bind(socket);
  const destroy = socket.destroy.bind(socket);
  const waiting: Buffer[] = [];
  let started = false;
  let paused = false;
  let ended = false;
  let closed = false;
  let failedWrite: Error | undefined;
  let grace: PeerTimeout | undefined;

  function handOn(): void {
    while (started && !paused && waiting.length > 0) handlers.onBytes(waiting.shift()!);
  }

  function handOnTheRest(): void {
    while (waiting.length > 0) handlers.onBytes(waiting.shift()!);
  }

  function readOn(): void {
    paused = false;
    handOn();
    // `read()` would do nothing after a failed write.
    if (started && !paused && !ended && !socket.destroyed) socket._read(0);
  }

  function end(): void {
    if (ended) return;
    ended = true;
    handOnTheRest();
    handlers.onEnd?.();
  }

  function close(): void {
    if (closed) return;
    closed = true;
    grace?.cancel();
    handOnTheRest();
    handlers.onClose(socket.errored === null ? undefined : toApnsError(socket.errored, peer));
  }

  socket.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk === null) {
      end();
      const more = push(null, encoding);
      if (failedWrite !== undefined) destroy(failedWrite);
      return more;
    }
    waiting.push(chunk as Buffer);
    handOn();
    return !paused;
  };

  socket.destroy = (error?: Error): Socket => {
    if (ended || !isWriteError(error)) return destroy(error ?? failedWrite);
    if (failedWrite === undefined) {
      failedWrite = error;
      grace = new PeerTimeout(GRACE_MS, () => destroy(error));
      readOn();
    }
    return socket;
  };

  // Node emits an alert after the handshake as an error, but does not destroy the socket.
  socket.on('error', destroy).on('end', end).on('close', close);
  process.nextTick(() => {
    started = true;
    if (!paused) readOn();
    if (socket.readableEnded) end();
    if (socket.closed) close();
  });
  for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) waiting.push(chunk);
  return {
    pause() {
      paused = failedWrite === undefined;
    },
    resume: readOn,
  };
}

/** A failed shutdown is also a write error, because TLS writes close_notify. */
function isWriteError(error: Error | undefined): error is Error {
  const syscall = (error as NodeJS.ErrnoException | undefined)?.syscall;
  return syscall === 'write' || syscall === 'shutdown';
}

function addressOf(socket: Socket): Peer {
  return { host: socket.remoteAddress ?? 'the peer', port: socket.remotePort ?? 0 };
}
