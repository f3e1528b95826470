/** Formats numbers for messages. */

/** A whole number with commas between thousands. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A number with its noun, in the singular for one. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Milliseconds as seconds, with one decimal digit below a minute. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 60_000 ? 1 : 0)} s`;
}
