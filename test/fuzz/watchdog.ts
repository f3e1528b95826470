/** Ends the process when a decoder never returns: nothing in its own thread could say which. */
import { Worker } from 'node:worker_threads';

const LIMIT_MS = 20_000;

/** Runs in a thread of its own. It may not rely on the main thread, not even for its output. */
const CODE = `
const { workerData: { shared, names, seed, limitMs } } = require('node:worker_threads');
const now = new Int32Array(shared);
let seen = -1, since = Date.now();
setInterval(() => {
  const [target, at, beat] = now;
  if (beat !== seen || target < 0) { seen = beat; since = Date.now(); return; }
  if (Date.now() - since < limitMs) return;
  const replay = \`npm run fuzz -- \${names[target]} --seed \${seed} --case \${at}\`;
  require('node:fs').writeSync(2, \`fuzz: \${names[target]} hangs: \${replay}\\n\`);
  process.kill(process.pid, 'SIGKILL');
}, 500).unref();
`;

/** Watches over a run; is told of every case before it begins. */
export class Watchdog {
  readonly #now: Int32Array;
  readonly #names: readonly string[];
  readonly #worker: Worker;

  constructor(names: readonly string[], seed: number) {
    const shared = new SharedArrayBuffer(12);
    this.#now = new Int32Array(shared);
    this.#now[0] = -1;
    this.#names = names;
    this.#worker = new Worker(CODE, { eval: true, workerData: { shared, names, seed, limitMs: LIMIT_MS } });
    this.#worker.unref();
  }

  begin(name: string, nth: number): void {
    this.#now[0] = this.#names.indexOf(name);
    this.#now[1] = nth;
    this.#now[2]!++;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
