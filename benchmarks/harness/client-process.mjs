// A measured client: a process of its own, so that nothing shares a heap with it. It is sent the name of a
// module in clients/ and a job, and answers with what the work took. Only the work is measured, neither the
// start of Node nor the loading of modules.
//
// A client exports `prepare(job, progress)`, which returns `work(count)`. `progress.count` may be set to a
// function that tells how many notifications are sent so far.
import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { dirname } from 'node:path';

const SAMPLE_MS = 20;

process.once('message', async ({ client, job }) => {
  const { prepare } = await import(`../clients/${client}.mjs`);
  const progress = { count: () => 0 };
  const work = await prepare(job, progress);
  if (job.warmUp !== undefined) for (let run = 0; run < (job.warmUpRuns ?? 1); run++) await work(job.warmUp);
  const profiler = await startProfiler(job);
  const samples = [];
  const sample = () => samples.push([progress.count(), process.memoryUsage.rss()]);
  const timer = job.isSampled ? setInterval(sample, SAMPLE_MS) : undefined;
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const extra = await work(job.count);
  const wallMicros = Number(process.hrtime.bigint() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  clearInterval(timer);
  await profiler?.stop();
  const result = { user, system, cpuMicros: user + system, wallMicros, count: job.count, samples, ...extra };
  process.send({ ...result, peakBytes: process.resourceUsage().maxRSS * 1024 }, () => process.exit());
});

/** Profiles the work, where `job.profile` says what (`cpu` or `heap`) and into which file. */
async function startProfiler({ profile }) {
  if (profile === undefined) return undefined;
  const session = new Session();
  session.connect();
  const all = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
  if (profile.kind === 'cpu') {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 200 });
    await session.post('Profiler.start');
  } else {
    await session.post('HeapProfiler.startSampling', { samplingInterval: 8192, ...all });
  }
  return {
    async stop() {
      const domain = profile.kind === 'cpu' ? 'Profiler.stop' : 'HeapProfiler.stopSampling';
      const answer = await session.post(domain);
      mkdirSync(dirname(profile.path), { recursive: true });
      writeFileSync(profile.path, JSON.stringify(answer.profile));
    },
  };
}
