/** The ways in which a service ends a connection: politely, in pieces, or with a reset. */
import type { LoopbackConnection } from './tls-listener.js';

/** How a connection ends. */
export interface ConnectionEnding {
  /** The last words; none when absent. */
  readonly packet?: Buffer;
  /** Whether each byte of the packet becomes a segment of its own. */
  readonly split?: boolean;
  /** Whether the connection is reset, with what the client sent still unread, instead of drained. */
  readonly reset?: boolean;
}

/** @param drainTimeoutMs how long to go on reading after the last words, if the client does not close */
export function endConnection(
  connection: LoopbackConnection,
  ending: ConnectionEnding,
  drainTimeoutMs: number,
): void {
  // A deadline set for a socket that is closed already would outlive the simulator.
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
  // One turn of the event loop per byte, so that each leaves by itself.
  connection.socket.write(packet.subarray(0, 1), () => {
    setImmediate(() => writeByteByByte(connection, packet.subarray(1), ending, drainTimeoutMs));
  });
}

/** The write's callback says that the kernel has the packet; the reset then overtakes nothing but input. */
function writeAndReset({ socket, reset }: LoopbackConnection, packet: Buffer | undefined): void {
  socket.pause();
  if (packet === undefined || packet.length === 0) reset();
  else socket.write(packet, () => reset());
}

/**
 * Closing at once, while the client still writes, would make the kernel reset the connection and destroy
 * the last words on their way: so the client's bytes are read until it has closed too, or time is up.
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
