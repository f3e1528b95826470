// Curves of resident size against notifications sent, as SVG.

const WIDTH = 760;
const HEIGHT = 420;
const MARGIN = { left: 64, right: 24, top: 24, bottom: 128 };
const COLORS = ['#0b62c4', '#0a8f6a', '#b3541e', '#8a3fa0', '#c22f4b', '#6b6b6b', '#b08900', '#2b2b2b'];
const MAX_POINTS = 200;

/** `curves` are `{ title, count, problem?, samples: [sent, bytes][] }`; those with a problem are only named. */
export function drawCurves(curves) {
  const drawn = curves.filter(({ samples }) => samples !== undefined && samples.length > 0);
  const maxSent = Math.max(1, ...drawn.map(({ count }) => count));
  const maxMiB =
    Math.max(50, ...drawn.flatMap(({ samples }) => samples.map(([, bytes]) => bytes / 2 ** 20))) * 1.1;
  const x = (sent) => MARGIN.left + (WIDTH - MARGIN.left - MARGIN.right) * position(sent, maxSent);
  const y = (mib) => HEIGHT - MARGIN.bottom - (HEIGHT - MARGIN.top - MARGIN.bottom) * (mib / maxMiB);
  const parts = [...drawAxes(x, y, maxSent, maxMiB)];
  curves.forEach(({ title, count, problem, samples = [] }, index) => {
    const color = COLORS[index % COLORS.length];
    const points = thin(samples).map(
      ([sent, bytes]) => `${x(sent).toFixed(1)},${y(bytes / 2 ** 20).toFixed(1)}`,
    );
    parts.push(`<polyline fill="none" stroke="${color}" stroke-width="2" points="${points.join(' ')}"/>`);
    const left = MARGIN.left + (index % 2) * 350;
    const top = HEIGHT - MARGIN.bottom + 52 + (index >> 1) * 18;
    const label = `${title}, ${count.toLocaleString('en-US')}${problem === undefined ? '' : `: ${problem}`}`;
    parts.push(`<rect x="${left}" y="${top - 9}" width="14" height="4" fill="${color}"/>`);
    parts.push(text(left + 20, top - 2, label));
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    '<title>Resident size against notifications sent</title>',
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    ...parts,
    '</svg>',
  ].join('\n')}\n`;
}

/** Sent counts lie on a logarithmic axis from 1,000 on; what is below is at its left end. */
function position(sent, max) {
  const least = Math.log10(Math.min(1000, max / 10));
  return Math.max(0, (Math.log10(Math.max(1, sent)) - least) / (Math.log10(max) - least));
}

function* drawAxes(x, y, maxSent, maxMiB) {
  const step = maxMiB > 300 ? 100 : 50;
  for (let mib = 0; mib <= maxMiB; mib += step) {
    yield `<path d="M${x(1)} ${y(mib)}H${x(maxSent)}" stroke="#ddd"/>`;
    yield text(x(1) - 8, y(mib) + 4, `${mib}`, 'end');
  }
  for (let sent = 1000; sent <= maxSent; sent *= 10) {
    yield `<path d="M${x(sent)} ${y(0)}v5" stroke="#888"/>`;
    yield text(x(sent), y(0) + 18, sent.toLocaleString('en-US'), 'middle');
  }
  yield text(x(1) - 40, y(maxMiB) - 6, 'resident MiB');
  yield text(x(maxSent), y(0) + 34, 'notifications sent', 'end');
}

function text(x, y, content, anchor = 'start') {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="#222">${escaped}</text>`;
}

function thin(samples) {
  const every = Math.ceil(samples.length / MAX_POINTS);
  return samples.filter((_, index) => index % every === 0 || index === samples.length - 1);
}
