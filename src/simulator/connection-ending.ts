/** Ends the connection of a service in one of several ways: in order, byte by byte, or with a reset. */
import type { LoopbackConnection } from './tls-listener.js';

/** How a connection ends. */
export interface ConnectionEnding {
  /** The last packet to send, if there is one. */
  readonly packet?: Buffer;
  /** Whether each byte of the packet is sent in a separate segment. */
  readonly split?: boolean;
  /** Whether the connection is reset, without reading what the client sent, instead of drained. */
  readonly reset?: boolean;
}

/** @param drainTimeoutMs how long to continue reading after the last packet if the client does not close */
export function endConnection(
  connection: LoopbackConnection,
  ending: ConnectionEnding,
  drainTimeoutMs: number,
): void {
  // A timer for a socket that is already closed would keep running after the simulator is closed.
  if (connection.socket.destroyed) return;
  const { packet } = ending;
  if (ending.split && packet !== undefined) writeByteByByte(connection, packet, ending, drainTimeoutMs);
  else if (ending.reset) writeAndReset(connection, packet);
  else writeAndDrain(connection, packet, drainTimeoutMs);
}

function writeByteByByte(
  connection: LoopbackConnection,
  packet: Buffer,
  ending: ConnectionEnding,
  drainTimeoutMs: number,
): void {
  if (packet.length <= 1) {
    endConnection(connection, { ...ending, packet, split: false }, drainTimeoutMs);
    return;
  }
  // Each byte is written in a separate tick, so that the kernel does not combine them.
  connection.socket.write(packet.subarray(0, 1), () => {
    setImmediate(() => writeByteByByte(connection, packet.subarray(1), ending, drainTimeoutMs));
  });
}

/** The callback of the write shows that the kernel has the packet, so the reset discards only input. */
function writeAndReset({ socket, reset }: LoopbackConnection, packet: Buffer | undefined): void {
  socket.pause();
  if (packet === undefined || packet.length === 0) reset();
  else socket.write(packet, () => reset());
}

/**
 * Closing while the client still writes would make the kernel reset the connection, and the client would lose the last
 * packet. So this side reads until the client closes or the timeout expires.
 */
function writeAndDrain(
  { socket }: LoopbackConnection,
  packet: Buffer | undefined,
  drainTimeoutMs: number,
): void {
  const deadline = setTimeout(() => socket.destroy(), drainTimeoutMs);
  socket.once('close', () => clearTimeout(deadline));
  if (packet !== undefined) socket.write(packet);
  // End in the next turn: over TLS 1.3, a connection that ends before its session tickets are written sends no
  // close_notify, so that clients report a truncated response or list.
  setImmediate(() => socket.end());
  socket.resume();
}
