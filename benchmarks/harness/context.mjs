// What every workload is given: credentials, sizes, and how to measure rows beside each other.
import { sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSimulator } from '../../dist/simulator/index.js';
import { prepareInput, TOPIC } from './input.mjs';
import { peerVersion } from './machine.mjs';
import { runClient } from './processes.mjs';
import { summarize } from './statistics.mjs';

const LINES = { quick: 2_000, usual: 500_000 };

/** Sent by every client before anything is measured: a run of half a second would measure the compiler. */
const WARM_UP = { quick: 100, usual: 20_000 };

export async function createContext({ runs, isQuick, isFull, say }) {
  const directory = mkdtempSync(join(tmpdir(), 'apns-streams-bench-'));
  const simulator = await createSimulator({ credentials: join(directory, 'credentials'), topic: TOPIC });
  await simulator.close();
  const { ca, cert, key, providerKey, keyId, teamId } = simulator.credentials;
  const lines = isQuick ? LINES.quick : LINES.usual;
  return {
    runs,
    isQuick,
    isFull,
    say,
    /** Where files of this run may be written. */
    directory,
    /** Where the credentials are. */
    credentials: join(directory, 'credentials'),
    providerKeyFile: join(directory, 'credentials', `AuthKey_${keyId}.p8`),
    /** How many notifications the file of the input holds. */
    lines,
    warmUp: isQuick ? WARM_UP.quick : WARM_UP.usual,
    /** A number of notifications, or what --quick has instead. */
    sized: (count) => (isQuick ? Math.min(count, LINES.quick) : count),
    /** A peer that is slow to begin with is sent fewer. */
    sizedPeer: (count) => (isQuick ? 200 : count),
    /** What all jobs have in common. */
    job: {
      input: prepareInput(lines),
      tls: { ca, cert, key },
      providerToken: { key: providerKey, keyId, teamId },
      bearer: createBearer(providerKey, keyId, teamId),
      topic: TOPIC,
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/**
 * Measures rows, each `{ title, client, job }`, in turn and as often as the context says, so that what else
 * happens on the machine happens to all of them. `needs` names a package that may be missing; `measure`
 * stands in for a client of ours.
 */
export async function measureRows(context, rows) {
  const results = rows.map(() => []);
  for (let run = 0; run < context.runs; run++) {
    for (const [index, row] of rows.entries()) {
      if (results[index].some(({ problem }) => problem !== undefined)) continue;
      results[index].push(await measureRow(context, row));
      context.say(`run ${run + 1} of ${context.runs}, ${row.title}`);
    }
  }
  return rows.map(({ title }, index) => ({ title, summary: summarize(results[index]) }));
}

async function measureRow({ warmUp }, row) {
  if (row.needs !== undefined && peerVersion(row.needs) === undefined) return { problem: 'missing' };
  return row.measure === undefined ? runClient({ ...row, job: { warmUp, ...row.job } }) : row.measure();
}

/** A provider token for those clients that do not make their own. */
function createBearer(key, keyId, teamId) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = encode({ alg: 'ES256', kid: keyId });
  const text = `${head}.${encode({ iss: teamId, iat: Math.floor(Date.now() / 1000) })}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
