/** A binary gateway that does, frame by frame, what a test says. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { encodeErrorResponse } from '../../src/protocol/binary/error-response.js';
import { decodeFrame, FRAME_FORMAT, type Frame } from '../../src/protocol/binary/frame.js';
import { PacketReader } from '../../src/protocol/packet-reader.js';
import { authority, listenTls } from './loopback.js';

/** One connection, seen from the gateway. */
export class GatewayPeer {
  /** The frames that arrived before an answer was given, checkpoints left out. */
  readonly frames: Frame[] = [];
  readonly index: number;
  readonly socket: TLSSocket;
  readonly raw: Socket;
  isAnswered = false;

  constructor(index: number, socket: TLSSocket, raw: Socket) {
    this.index = index;
    this.socket = socket;
    this.raw = raw;
  }

  /** Sends the error response and closes, discarding whatever else arrives. */
  answer(statusCode: number, identifier: number): void {
    this.isAnswered = true;
    this.socket.end(encodeErrorResponse({ statusCode, identifier }));
  }

  /** Sends these bytes and closes. */
  say(bytes: string): void {
    this.isAnswered = true;
    this.socket.end(Buffer.from(bytes, 'hex'));
  }

  reset(): void {
    this.isAnswered = true;
    this.raw.resetAndDestroy();
  }

  /** Closes without a word. */
  close(): void {
    this.isAnswered = true;
    this.socket.end();
  }
}

/** What a gateway does with a frame; a checkpoint is answered unless `onCheckpoint` is given. */
export interface Script {
  onConnection?(peer: GatewayPeer): void;
  onFrame?(peer: GatewayPeer, frame: Frame): void;
  onCheckpoint?(peer: GatewayPeer, frame: Frame): void;
}

/** A running scripted gateway. */
export interface ScriptedGateway {
  readonly options: { readonly host: string; readonly port: number; readonly tls: { readonly ca: string } };
  readonly peers: GatewayPeer[];
  /** Sockets that are open now, in the handshake or after it. */
  readonly openSockets: number;
  /** The identifiers of all frames that arrived before an answer, by connection. */
  identifiers(): (number | undefined)[][];
}

export async function startScriptedGateway(script: Script = {}): Promise<ScriptedGateway> {
  const peers: GatewayPeer[] = [];
  let openSockets = 0;
  const onSecure = (socket: TLSSocket, raw: Socket): void => {
    const peer = new GatewayPeer(peers.length, socket, raw);
    peers.push(peer);
    const reader = new PacketReader(FRAME_FORMAT);
    script.onConnection?.(peer);
    socket.on('data', (chunk) => {
      if (peer.isAnswered) return;
      reader.read(chunk, (bytes, start, end) => {
        if (!peer.isAnswered) receive(peer, decodeFrame(Buffer.from(bytes.subarray(start, end))), script);
      });
    });
  };
  const onRaw = (raw: Socket): void => {
    openSockets++;
    raw.once('close', () => openSockets--);
  };
  const port = await listenTls(onSecure, {}, onRaw);
  return {
    options: { host: '127.0.0.1', port, tls: { ca: authority.cert } },
    peers,
    get openSockets() {
      return openSockets;
    },
    identifiers: () => peers.map(({ frames }) => frames.map(({ identifier }) => identifier)),
  };
}

function receive(peer: GatewayPeer, frame: Frame, script: Script): void {
  if (frame.deviceToken === '') {
    if (script.onCheckpoint === undefined) peer.answer(2, frame.identifier!);
    else script.onCheckpoint(peer, frame);
    return;
  }
  peer.frames.push(frame);
  script.onFrame?.(peer, frame);
}
