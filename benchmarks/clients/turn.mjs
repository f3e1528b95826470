// One notification to an idle sink, again and again: the turn of the event loop in which TLS is written, and
// how long after the write to the sink.
import { once } from 'node:events';
import { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { createBinarySink, createFrameEncoder, createHttp2Sink } from '../../dist/index.js';
import { createNotification } from '../harness/input.mjs';
import { median } from '../harness/statistics.mjs';

/** Over loopback both are plenty. */
const CONNECT_MS = 300;
const IDLE_MS = 3;

/** How often the event loop has turned (Node 20.18 and 22.8 on). */
const currentTurn = () => performance.nodeTiming.uvMetricsInfo.loopCount;

export async function prepare({ host, port, tls, providerToken, topic, wire }) {
  let onWire = () => {};
  // Where every stream of Node hands its bytes to the system or to TLS.
  const { _write: write } = Socket.prototype;
  Socket.prototype._write = function writeAndTell(...args) {
    onWire();
    return write.apply(this, args);
  };
  return async (count) => {
    const { head, sink } = open();
    head.write(createNotification(0));
    // The first one opens the connection.
    await setTimeout(CONNECT_MS);
    const delays = [];
    let sameTurn = 0;
    for (let index = 1; index <= count; index++) {
      const start = performance.now();
      const turn = currentTurn();
      const written = new Promise((resolve) => {
        onWire = resolve;
      }).then(() => [currentTurn(), performance.now()]);
      head.write(createNotification(index));
      const [writtenTurn, writtenAt] = await written;
      if (writtenTurn === turn) sameTurn++;
      delays.push(writtenAt - start);
      await setTimeout(IDLE_MS);
    }
    onWire = () => {};
    head.end();
    await once(sink, 'close');
    return { sameTurn, delayMicros: median(delays) * 1000 };
  };

  function open() {
    if (wire === 'http2') {
      const sink = createHttp2Sink({ host, port, tls: { ca: tls.ca }, providerToken, topic });
      return { head: sink, sink };
    }
    const head = createFrameEncoder();
    const sink = createBinarySink({ host, port, tls });
    head.pipe(sink);
    return { head, sink };
  }
}
