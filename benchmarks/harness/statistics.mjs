// Several runs of one thing as one figure.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What the runs of one row came to: medians, and the smallest and largest CPU. Problems win over figures. */
export function summarize(results) {
  const problem = results.find((result) => result.problem !== undefined)?.problem;
  if (results.length === 0 || problem !== undefined) return { problem: problem ?? 'not run' };
  const cpu = results.flatMap((r) => (r.cpuMicros === undefined ? [] : [r.cpuMicros / r.count]));
  const peaks = results.flatMap((r) => (r.peakBytes === undefined ? [] : [r.peakBytes]));
  return {
    count: results[0].count,
    cpu: cpu.length === 0 ? undefined : median(cpu),
    cpuMin: Math.min(...cpu),
    cpuMax: Math.max(...cpu),
    perSecond: median(results.map((r) => (r.count / r.wallMicros) * 1e6)),
    peakBytes: peaks.length === 0 ? undefined : median(peaks),
    results,
  };
}
