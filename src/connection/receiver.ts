/**
 * Reading a socket to its very last byte.
 *
 * A gateway that rejects a notification sends a few bytes and closes while this side is still writing.
 * The next write then fails (EPIPE, ECONNRESET), and Node destroys the socket at once, although the bytes
 * that say why are still waiting in the kernel. So here a failed write ends only the writing: reading
 * goes on until the peer's end, a read error or a short grace period, and only then is the socket
 * destroyed, with the write's error.
 */
import type { Socket } from 'node:net';
import type { ApnsError, Peer } from '../core/errors.js';
import { toApnsError } from './node-error.js';
import { PeerTimeout } from './peer-timeout.js';

/** What becomes of a socket, in this order: bytes, at most one end, exactly one close. None may throw. */
export interface ReceiveHandlers {
  /** Bytes from the peer: each exactly once, in order. */
  onBytes(chunk: Buffer): void;
  /** The peer has said that it will send no more. */
  onEnd?(): void;
  /** The socket is gone, and every byte was handed on. `cause` is absent if it closed without an error. */
  onClose(cause: ApnsError | undefined): void;
}

/** Holds reading back, and lets it go on. */
export interface Receiver {
  /** No bytes for now. Ends by itself when the peer ends or a write fails: the rest is finite, and may say why. */
  pause(): void;
  /** Hands on what arrived meanwhile, and reads on. */
  resume(): void;
}

/** How long to wait, after a failed write, for bytes that are still on their way. Mostly they are here. */
const GRACE_MS = 1000;

/**
 * Takes over the reading of a connected socket, plain or TLS, with what has arrived already. Nobody else
 * may read it or pause it. Handlers are first called in the next tick. The callback of a write that
 * failed is called before the last bytes: what a connection came to is known at `onClose`, not before.
 *
 * Two methods of this one socket are replaced, since Node has an option for neither: `destroy`, which a
 * failed write ends in, and `push`, which throws away what is read after one. A `destroy` for any other
 * reason happens at once.
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
    // Not `read()`, which does nothing once a write has failed.
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

  // Node emits an alert that comes after the handshake, and leaves the socket as it is.
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

/** A failed shutdown is one too: TLS says good-bye by writing. */
function isWriteError(error: Error | undefined): error is Error {
  const syscall = (error as NodeJS.ErrnoException | undefined)?.syscall;
  return syscall === 'write' || syscall === 'shutdown';
}

function addressOf(socket: Socket): Peer {
  return { host: socket.remoteAddress ?? 'the peer', port: socket.remotePort ?? 0 };
}
