/**
 * An HTTP/2 gateway made of frames, so that it can break every rule; see `http2-gateway` for one that keeps
 * them. It holds the other end to them all the same: what that does wrong is in `violations`.
 */
import type { Socket } from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { expect, onTestFinished, vi } from 'vitest';
import { HpackDecoder } from '../../src/protocol/hpack/decoder.js';
import { HpackEncoder } from '../../src/protocol/hpack/encoder.js';
import { encodeFrame, type Http2Frame } from '../../src/protocol/http2/frame.js';
import { CLIENT_PREFACE } from '../../src/protocol/http2/frame-header.js';
import { type FrameHandler, FrameReader } from '../../src/protocol/http2/frame-reader.js';
import type { Http2Settings } from '../../src/protocol/http2/settings.js';
import { authority, listenTls } from './loopback.js';

export type Fields = readonly (readonly [name: string, value: string])[];

/** One request, as far as it has arrived. */
export interface RawRequest {
  readonly streamId: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly deviceToken: string;
  body: string;
  isComplete: boolean;
  /** Whether the other end has given it up. */
  isReset: boolean;
}

/** What the gateway does; without a script it says SETTINGS and answers 200. */
export interface RawScript {
  readonly settings?: Http2Settings;
  readonly tls?: TlsOptions;
  /** In place of the gateway's SETTINGS. */
  onConnection?(peer: RawPeer): void;
  /** The headers of a request have come. */
  onHeaders?(peer: RawPeer, request: RawRequest): void;
  /** A request is complete. In place of the answer 200. */
  onRequest?(peer: RawPeer, request: RawRequest): void;
  onPing?(peer: RawPeer, data: Buffer): void;
}

export interface RawGateway {
  readonly options: { readonly host: string; readonly port: number; readonly tls: { readonly ca: string } };
  readonly peers: RawPeer[];
  /** Resolves when every socket is closed, and with that every frame seen; fails when that takes long. */
  closed(): Promise<void>;
  readonly requests: RawRequest[];
}

/** One connection, seen from the gateway. */
export class RawPeer implements FrameHandler {
  readonly index: number;
  readonly socket: TLSSocket;
  readonly raw: Socket;
  readonly requests: RawRequest[] = [];
  /** Error codes of the GOAWAY frames that came. */
  readonly farewells: number[] = [];
  readonly resets: { readonly streamId: number; readonly errorCode: number }[] = [];
  readonly violations: string[] = [];
  /** False once it has sent what it keeps no books on: then nothing is a violation. */
  isTrusted = true;
  readonly #script: RawScript;
  readonly #open = new Map<number, RawRequest>();
  readonly #reader = new FrameReader(this);
  readonly #decoder = new HpackDecoder();
  readonly #encoder = new HpackEncoder();
  readonly #unacknowledged: Http2Settings[] = [];
  readonly #windows = new Map<number, number>();
  #prefaceBytes = 0;
  #lastStreamId = 0;
  #maxStreams = Number.POSITIVE_INFINITY;
  #initialWindow = 65_535;
  #window = 65_535;
  #isReady = false;

  constructor(index: number, socket: TLSSocket, raw: Socket, script: RawScript) {
    this.index = index;
    this.socket = socket;
    this.raw = raw;
    this.#script = script;
    raw.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onBytes(chunk));
    if (script.onConnection === undefined) this.send(settingsFrame(script.settings ?? {}));
    else script.onConnection(this);
  }

  /** Sends frames in one write, and keeps books on what they allow. */
  send(...frames: Http2Frame[]): void {
    for (const frame of frames) this.#note(frame);
    this.write(Buffer.concat(frames.map(encodeFrame)));
  }

  write(bytes: Buffer | string): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** A header block of literals. */
  block(fields: Fields): Buffer {
    const slab = Buffer.alloc(
      200 + fields.reduce((sum, [name, value]) => sum + 20 + 3 * (name.length + value.length), 0),
    );
    let end = this.#encoder.writeBlockStart(slab, 0);
    for (const [name, value] of fields) end = this.#encoder.writeField(slab, end, name, value, 'pass');
    return slab.subarray(0, end);
  }

  headers(streamId: number, fields: Fields, endStream = true): Http2Frame {
    return { type: 'HEADERS', streamId, endStream, endHeaders: true, block: this.block(fields) };
  }

  /** Answers a request, with a body if it is given. */
  respond(
    { streamId }: { readonly streamId: number },
    status: number,
    body?: string,
    fields: Fields = [],
  ): void {
    this.#open.delete(streamId);
    const head = this.headers(streamId, [[':status', `${status}`], ...fields], body === undefined);
    if (body === undefined) this.send(head);
    else this.send(head, dataFrame(streamId, Buffer.from(body)));
  }

  reset(streamId: number, errorCode: number): void {
    this.send({ type: 'RST_STREAM', streamId, errorCode });
  }

  goaway(lastStreamId: number, errorCode = 0, debugData = ''): void {
    this.send({ type: 'GOAWAY', lastStreamId, errorCode, debugData: Buffer.from(debugData) });
  }

  onHeaders(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    const headers: Record<string, string> = {};
    this.#decoder.decode(bytes, start, end, {
      onField: (name, value) => {
        if (name in headers) this.#violate(`${name} twice`);
        headers[name] = value;
      },
    });
    if (streamId % 2 === 0 || streamId <= this.#lastStreamId)
      this.#violate(`stream ${streamId} after ${this.#lastStreamId}`);
    if (!this.#isReady) this.#violate('a request before SETTINGS');
    this.#lastStreamId = streamId;
    const deviceToken = String(headers[':path']).replace('/3/device/', '');
    const request: RawRequest = {
      streamId,
      headers,
      deviceToken,
      body: '',
      isComplete: endStream,
      isReset: false,
    };
    this.requests.push(request);
    this.#open.set(streamId, request);
    if (this.#open.size > this.#maxStreams)
      this.#violate(`${this.#open.size} streams of ${this.#maxStreams}`);
    this.#script.onHeaders?.(this, request);
    if (endStream) this.#complete(request);
  }

  onData(
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
    flowBytes: number,
  ): void {
    const window = (this.#windows.get(streamId) ?? 0) + this.#initialWindow - flowBytes;
    this.#windows.set(streamId, window - this.#initialWindow);
    this.#window -= flowBytes;
    if (flowBytes > 0 && (window < 0 || this.#window < 0))
      this.#violate(`DATA beyond the window: ${window} and ${this.#window}`);
    const request = this.requests.find((it) => it.streamId === streamId);
    if (request === undefined || request.isComplete) {
      this.#violate(`DATA on stream ${streamId}`);
      return;
    }
    request.body += bytes.toString('latin1', start, end);
    if (endStream) this.#complete(request);
  }

  onRstStream(streamId: number, errorCode: number): void {
    if (streamId > this.#lastStreamId) this.#violate(`RST_STREAM of idle stream ${streamId}`);
    this.resets.push({ streamId, errorCode });
    const request = this.#open.get(streamId);
    if (request !== undefined) request.isReset = true;
    this.#open.delete(streamId);
  }

  onSettings(settings: Http2Settings): void {
    if (settings.enablePush !== false) this.#violate('push is not refused');
    this.write(encodeFrame({ type: 'SETTINGS', ack: true, settings: {} }));
  }

  onSettingsAck(): void {
    const settings = this.#unacknowledged.shift();
    if (settings === undefined) this.#violate('SETTINGS ACK without SETTINGS');
    else this.#apply(settings);
  }

  onPing(data: Buffer, ack: boolean): void {
    if (ack) return;
    if (this.#script.onPing === undefined) this.send({ type: 'PING', ack: true, data: Buffer.from(data) });
    else this.#script.onPing(this, data);
  }

  onGoaway(_lastStreamId: number, errorCode: number): void {
    this.farewells.push(errorCode);
  }

  onWindowUpdate(): void {}

  onStreamError(error: Error): void {
    this.#violate(error.message);
  }

  #violate(what: string): void {
    if (this.isTrusted) this.violations.push(what);
  }

  #complete(request: RawRequest): void {
    request.isComplete = true;
    if (this.#script.onRequest === undefined) this.respond(request, 200);
    else this.#script.onRequest(this, request);
  }

  #onBytes(chunk: Buffer): void {
    const missing = Math.min(CLIENT_PREFACE.length - this.#prefaceBytes, chunk.length);
    if (
      chunk.toString('latin1', 0, missing) !==
      CLIENT_PREFACE.slice(this.#prefaceBytes, this.#prefaceBytes + missing)
    )
      this.#violate('no preface');
    this.#prefaceBytes += missing;
    if (this.violations.length > 0) return;
    try {
      this.#reader.read(chunk.subarray(missing));
    } catch (error) {
      this.#violate(String(error));
    }
  }

  #note(frame: Http2Frame): void {
    switch (frame.type) {
      case 'SETTINGS':
        if (frame.ack) break;
        this.#isReady = true;
        // More is allowed at once, less when it was seen.
        this.#unacknowledged.push(frame.settings);
        this.#maxStreams = Math.max(this.#maxStreams, frame.settings.maxConcurrentStreams ?? 0);
        this.#initialWindow = Math.max(this.#initialWindow, frame.settings.initialWindowSize ?? 0);
        break;
      case 'WINDOW_UPDATE':
        if (frame.streamId === 0) this.#window += frame.increment;
        else this.#windows.set(frame.streamId, (this.#windows.get(frame.streamId) ?? 0) + frame.increment);
        break;
      case 'HEADERS':
      case 'DATA':
        if (frame.endStream) this.#open.delete(frame.streamId);
        break;
      case 'RST_STREAM':
        this.#open.delete(frame.streamId);
        break;
    }
  }

  #apply({ maxConcurrentStreams, initialWindowSize, headerTableSize }: Http2Settings): void {
    const later = this.#unacknowledged;
    if (maxConcurrentStreams !== undefined)
      this.#maxStreams = Math.max(maxConcurrentStreams, ...later.map((it) => it.maxConcurrentStreams ?? 0));
    if (initialWindowSize !== undefined)
      this.#initialWindow = Math.max(initialWindowSize, ...later.map((it) => it.initialWindowSize ?? 0));
    if (headerTableSize !== undefined) this.#decoder.setMaxTableBytes(headerTableSize);
  }
}

export function settingsFrame(settings: Http2Settings): Http2Frame {
  return { type: 'SETTINGS', ack: false, settings };
}

export function dataFrame(streamId: number, data: Buffer, endStream = true): Http2Frame {
  return { type: 'DATA', streamId, endStream, data };
}

/** Starts the gateway; when the test has passed, the other end must have kept every rule. */
export async function startRawGateway(script: RawScript = {}): Promise<RawGateway> {
  const peers: RawPeer[] = [];
  let openSockets = 0;
  const port = await listenTls(
    (socket, raw) => peers.push(new RawPeer(peers.length, socket, raw, script)),
    { ALPNProtocols: ['h2'], ...script.tls },
    (raw) => {
      openSockets++;
      raw.once('close', () => openSockets--);
    },
  );
  onTestFinished(() => {
    expect(peers.flatMap(({ violations }) => violations)).toEqual([]);
  });
  return {
    options: { host: '127.0.0.1', port, tls: { ca: authority.cert } },
    peers,
    closed: () => vi.waitFor(() => expect(openSockets).toBe(0), { interval: 2, timeout: 5000 }),
    get requests() {
      return peers.flatMap((peer) => peer.requests);
    },
  };
}
