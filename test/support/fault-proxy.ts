/**
 * A proxy on loopback that does to connections what networks do: it delays, cuts up, stalls, corrupts, and
 * ends them, each direction and each connection by its own script. It stands below TLS, so that it knows no
 * protocol and serves all of them.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import {
  type CutKind,
  type DirectionFaults,
  type FaultName,
  FaultPipe,
  type FaultPipeEvents,
} from './fault-pipe.js';

/** What is done to one connection. */
export interface ConnectionScript {
  /** On the way from who has connected to the server. */
  readonly toServer?: DirectionFaults;
  readonly toClient?: DirectionFaults;
  /** The connection is accepted, and nothing is passed on or ever answered, until its client leaves. */
  readonly blackHole?: boolean;
}

/** Where the real server is. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/** @param scriptOf given the number of a connection, from 0, says what is done to it; nothing unless given */
export async function startFaultProxy(
  target: ProxyTarget,
  scriptOf: (nth: number) => ConnectionScript = () => ({}),
): Promise<FaultProxy> {
  const proxy = new FaultProxy(target, scriptOf);
  await proxy.listen();
  return proxy;
}

/** See {@link startFaultProxy}. */
export class FaultProxy {
  /** May be replaced at any time, for the connections to come. */
  scriptOf: (nth: number) => ConnectionScript;
  /** How often what was done. */
  readonly struck: Partial<Record<FaultName, number>> = {};
  /** Connections made so far; the next one has this number. */
  made = 0;
  readonly #target: ProxyTarget;
  readonly #server: Server;
  readonly #open = new Set<ProxiedConnection>();

  constructor(target: ProxyTarget, scriptOf: (nth: number) => ConnectionScript) {
    this.#target = target;
    this.scriptOf = scriptOf;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) =>
      this.#onConnection(client),
    );
  }

  get host(): string {
    return '127.0.0.1';
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that have not ended. */
  get open(): number {
    return this.#open.size;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, this.host, resolve));
  }

  /** Ends every connection. */
  disconnect(how: Exclude<CutKind, 'halfClose'> = 'close'): void {
    for (const connection of this.#open) connection.end(how);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.disconnect();
    await closed;
  }

  #onConnection(client: Socket): void {
    const script = this.scriptOf(this.made++);
    const onStrike = (name: FaultName): void => {
      this.struck[name] = (this.struck[name] ?? 0) + 1;
    };
    const connection = new ProxiedConnection(client, this.#target, script, onStrike, () =>
      this.#open.delete(connection),
    );
    this.#open.add(connection);
  }
}

class ProxiedConnection {
  readonly #sockets: Socket[];
  readonly #pipes: FaultPipe[] = [];
  readonly #resetting = new Set<Socket>();
  #isStuck = false;

  constructor(
    client: Socket,
    { host, port }: ProxyTarget,
    { toServer = {}, toClient = {}, blackHole = false }: ConnectionScript,
    onStrike: (name: FaultName) => void,
    onClose: () => void,
  ) {
    this.#sockets = [client];
    if (!blackHole) this.#sockets.push(connect({ host, port, noDelay: true, allowHalfOpen: true }));
    let left = this.#sockets.length;
    for (const socket of this.#sockets) {
      // What one side suffers the other gets to feel.
      socket.on('error', () => this.end('reset'));
      socket.once('end', () => this.#endIfStuck());
      socket.once('close', () => {
        if (--left === 0) onClose();
      });
    }
    const [, server] = this.#sockets;
    if (server === undefined) {
      onStrike('blackHole');
      // Only a socket that is read sees its client leave.
      client.resume().once('end', () => this.end('close'));
      return;
    }
    const events: FaultPipeEvents = {
      onStrike,
      onStuck: () => {
        this.#isStuck = true;
        this.#endIfStuck();
      },
      onCut: (how) => this.end(how),
    };
    this.#pipes.push(new FaultPipe(client, server, toServer, events));
    this.#pipes.push(new FaultPipe(server, client, toClient, events));
    // Both at once: what ends the connection at its first byte ends both.
    for (const pipe of this.#pipes) pipe.start();
  }

  /** With both ends gone, what is stuck keeps nobody waiting but the sockets here. */
  #endIfStuck(): void {
    if (this.#isStuck && this.#sockets.every(({ readableEnded }) => readableEnded)) this.end('close');
  }

  end(how: Exclude<CutKind, 'halfClose'>): void {
    for (const pipe of this.#pipes) pipe.stop();
    for (const socket of this.#sockets) {
      // A reset takes a turn. Destroyed in it, a socket of Node would never close.
      if (this.#resetting.has(socket)) continue;
      if (how === 'fin') socket.resume().end();
      else if (how === 'close' || !isResettable(socket)) socket.destroy();
      else {
        this.#resetting.add(socket);
        socket.resetAndDestroy();
      }
    }
  }
}

/** Whether a reset happens at once: Node waits for what is not written, and fails behind an end. */
function isResettable({ writableLength, writableEnded, connecting }: Socket): boolean {
  return writableLength === 0 && !writableEnded && !connecting;
}
