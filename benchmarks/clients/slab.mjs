// Frames of command 2 in slabs, written to a TLS socket: the least that anybody has to do.
import { once } from 'node:events';
import { connect } from 'node:tls';

export const SLAB_BYTES = 65_536;
export const MAX_FRAME_BYTES = 512;

/** Writes one frame (token, payload and identifier) and returns where it ends. */
export function writeFrame(slab, start, deviceToken, payload, identifier) {
  const at = start + 5;
  slab[at] = 1;
  slab.writeUInt16BE(slab.write(deviceToken, at + 3, 'hex'), at + 1);
  const payloadAt = at + 35;
  slab[payloadAt] = 2;
  const length = slab.write(payload, payloadAt + 3, 'utf8');
  slab.writeUInt16BE(length, payloadAt + 1);
  const identifierAt = payloadAt + 3 + length;
  slab[identifierAt] = 3;
  slab.writeUInt16BE(4, identifierAt + 1);
  slab.writeUInt32BE(identifier, identifierAt + 3);
  slab[start] = 2;
  slab.writeUInt32BE(identifierAt + 7 - at, start + 1);
  return identifierAt + 7;
}

/** A connection, and `write`, which resolves when there is room for more. */
export async function openSocket({ host, port, tls }) {
  const socket = connect({ host, port, ...tls });
  socket.resume();
  await once(socket, 'secureConnect');
  return {
    write: (bytes) => (socket.write(bytes) ? undefined : once(socket, 'drain')),
    async end() {
      socket.end();
      await once(socket, 'close');
    },
  };
}
