// Tables, as text that is Markdown too.

/** Rows of texts under a head; the first column is aligned left, the others right. */
export function formatTable(head, rows) {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => [...row[column]].length)),
  );
  const pad = (text, column) => {
    const spaces = ' '.repeat(widths[column] - [...text].length);
    return column === 0 ? text + spaces : spaces + text;
  };
  const line = (row) => `| ${row.map(pad).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

const HEAD = ['work', 'sent', 'CPU µs each', 'spread', 'per second', 'peak MiB', 'CPU ratio', 'rate ratio'];

/** Measured rows beside each other; the ratios are those to the first row. */
export function formatRows(rows) {
  const first = rows[0].summary;
  return formatTable(
    HEAD,
    rows.map(({ title, summary }) => {
      if (summary.problem !== undefined) return [title, summary.problem, ...Array(6).fill('–')];
      const { count, cpu, cpuMin, cpuMax, perSecond, peakBytes } = summary;
      return [
        title,
        formatCount(count),
        cpu === undefined ? '–' : formatFigure(cpu),
        cpu === undefined ? '–' : `${formatFigure(cpuMin)}–${formatFigure(cpuMax)}`,
        formatCount(perSecond),
        peakBytes === undefined ? '–' : formatMiB(peakBytes),
        cpu === undefined || first.cpu === undefined ? '–' : formatFigure(cpu / first.cpu),
        first.perSecond === undefined ? '–' : formatFigure(perSecond / first.perSecond),
      ];
    }),
  );
}

/** A line for a target: what is wanted, what there is. */
export function formatTarget(text, value, isMet) {
  if (value === undefined || Number.isNaN(value)) return `${text}: not measured`;
  return `${text}: ${formatFigure(value)}, ${isMet ? 'met' : 'missed'}`;
}

export function formatFigure(value) {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function formatCount(value) {
  return Math.round(value).toLocaleString('en-US');
}

export function formatMiB(bytes) {
  return (bytes / 2 ** 20).toFixed(0);
}
