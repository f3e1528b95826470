/** What a binary gateway may do wrong, as fast-check arbitraries, and a script that does it and keeps the books. */
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { encodeErrorResponse } from '../../src/protocol/binary/error-response.js';
import type { Frame } from '../../src/protocol/binary/frame.js';
import type { GatewayPeer } from './scripted-gateway.js';

const statusCode = fc.constantFrom(8, 8, 10, 10, 10, 1, 0, 2, 3, 7, 9, 128, 255);

/** What happens at a frame instead of its being taken; `answer` is what would name it. */
const FRAME_FAULTS = {
  'names it': (peer: GatewayPeer, answer: Buffer) => peer.say(answer.toString('hex')),
  'names it in pieces': (peer: GatewayPeer, answer: Buffer) => void sayInPieces(peer, answer),
  'names nothing': (peer: GatewayPeer, answer: Buffer) => peer.answer(answer[1]!, 0),
  'names a stranger': (peer: GatewayPeer, answer: Buffer) => peer.answer(answer[1]!, 0x7777_7777),
  closes: (peer: GatewayPeer) => peer.close(),
  resets: (peer: GatewayPeer) => peer.reset(),
  'talks nonsense': (peer: GatewayPeer) => peer.say('00'.repeat(500)),
  'breaks off its answer': (peer: GatewayPeer) => peer.say('0808'),
  'stops for a while': (peer: GatewayPeer) => {
    peer.socket.pause();
    void afterTurns(10).then(() => peer.socket.resume());
  },
  'stops for ever': (peer: GatewayPeer) => {
    peer.isAnswered = true;
    peer.socket.pause();
  },
};

const CHECKPOINT_FAULTS = {
  answers: (peer: GatewayPeer, answer: Buffer) => peer.say(answer.toString('hex')),
  'answers late': (peer: GatewayPeer, answer: Buffer) => {
    peer.isAnswered = true;
    void afterTurns(20).then(() => peer.say(answer.toString('hex')));
  },
  'is silent': (peer: GatewayPeer) => {
    peer.isAnswered = true;
  },
  closes: (peer: GatewayPeer) => peer.close(),
  resets: (peer: GatewayPeer) => peer.reset(),
  'talks nonsense': (peer: GatewayPeer) => peer.say('485454502f312e31'),
  'breaks off its answer': (peer: GatewayPeer) => peer.say('080200'),
};

const CONNECT_FAULTS = {
  serves: () => {},
  closes: (peer: GatewayPeer) => peer.close(),
  resets: (peer: GatewayPeer) => peer.reset(),
  answers: (peer: GatewayPeer) => peer.answer(10, 0),
};

function keyOf<T extends object>(faults: T): fc.Arbitrary<keyof T> {
  return fc.constantFrom(...(Object.keys(faults) as (keyof T)[]));
}

function mostly<T>(usual: T, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, arbitrary);
}

/** What a gateway does to one connection. */
export interface ConnectionFaults {
  readonly onConnect: keyof typeof CONNECT_FAULTS;
  readonly onFrame: {
    /** Which of its frames, from 0. */
    readonly at: number;
    readonly kind: keyof typeof FRAME_FAULTS;
    readonly statusCode: number;
  } | null;
  readonly onCheckpoint: keyof typeof CHECKPOINT_FAULTS;
  readonly checkpointStatus: number;
}

/** Any {@link ConnectionFaults}. */
export const connectionFaults: fc.Arbitrary<ConnectionFaults> = fc.record({
  onConnect: mostly('serves', keyOf(CONNECT_FAULTS)),
  onFrame: fc.option(
    fc.record({
      at: fc.nat(8),
      kind: fc.oneof(fc.constant('names it' as const), keyOf(FRAME_FAULTS)),
      statusCode,
    }),
  ),
  onCheckpoint: mostly('answers', keyOf(CHECKPOINT_FAULTS)),
  checkpointStatus: mostly(2, statusCode),
});

/** The script of a gateway that treats its first connections as told, and serves the others. */
export class UnrulyGateway {
  /** The device tokens it took, in order; one as often as it was taken. */
  readonly processed: string[] = [];
  /** The device tokens that arrived before an answer, by connection. */
  readonly arrivals: string[][] = [];
  /** Called for each frame that arrives. */
  onArrival: () => void = () => {};
  readonly #seen = new Set<string>();
  readonly #faults: readonly ConnectionFaults[];
  readonly #always: ConnectionFaults | undefined;
  readonly #indexes = new Map<GatewayPeer, number>();

  /** @param always the status code that it answers to the first frame of every connection, whatever the faults are */
  constructor(faults: readonly ConnectionFaults[], always?: number) {
    this.#faults = faults;
    if (always === undefined) return;
    const onFrame = { at: 0, kind: 'names it', statusCode: always } as const;
    this.#always = { onConnect: 'serves', onFrame, onCheckpoint: 'answers', checkpointStatus: 2 };
  }

  /** How many notifications have arrived, each counted once. */
  get seen(): number {
    return this.#seen.size;
  }

  onConnection(peer: GatewayPeer): void {
    this.#indexes.set(peer, this.arrivals.length);
    this.arrivals.push([]);
    CONNECT_FAULTS[this.#faultsOf(peer)?.onConnect ?? 'serves'](peer);
  }

  onFrame(peer: GatewayPeer, { deviceToken = '', identifier = 0 }: Frame): void {
    const index = this.arrivals[this.#indexes.get(peer)!]!.push(deviceToken) - 1;
    this.#seen.add(deviceToken);
    this.onArrival();
    const fault = this.#faultsOf(peer)?.onFrame;
    if (fault?.at !== index) {
      this.processed.push(deviceToken);
      return;
    }
    const { kind, statusCode } = fault;
    // NoError and Shutdown name the last one that was taken; any other answer, one that was not.
    if (!kind.startsWith('names it') || statusCode === 0 || statusCode === 10)
      this.processed.push(deviceToken);
    FRAME_FAULTS[kind](peer, encodeErrorResponse({ statusCode, identifier }));
  }

  onCheckpoint(peer: GatewayPeer, { identifier = 0 }: Frame): void {
    const { onCheckpoint = 'answers', checkpointStatus = 2 } = this.#faultsOf(peer) ?? {};
    CHECKPOINT_FAULTS[onCheckpoint](peer, encodeErrorResponse({ statusCode: checkpointStatus, identifier }));
  }

  /** Reads everything again: a socket that is not read does not see that the other end has gone. */
  release(): void {
    for (const { socket } of this.#indexes.keys()) socket.resume();
  }

  #faultsOf(peer: GatewayPeer): ConnectionFaults | undefined {
    return this.#always ?? this.#faults[this.#indexes.get(peer)!];
  }
}

/** Waits for so many turns of the event loop. */
export async function afterTurns(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await turn();
}

async function sayInPieces(peer: GatewayPeer, bytes: Buffer): Promise<void> {
  peer.isAnswered = true;
  for (const byte of bytes) {
    peer.socket.write(Buffer.of(byte));
    await turn();
  }
  peer.socket.end();
}
