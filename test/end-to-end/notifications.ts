/** Notifications as NDJSON, good ones with a few in between that ask the simulator for a fault. */
import { encodeTokenFault, type TokenFaultName } from '../../src/simulator/token-fault.js';

/** Which lines (1-based) are to be what. */
export type FaultyLines = ReadonlyMap<number, { readonly name: TokenFaultName; readonly argument?: number }>;

/** The device tokens of `count` lines, no two alike. */
export function deviceTokens(count: number, faults: FaultyLines): string[] {
  return Array.from({ length: count }, (_, index) => {
    const fault = faults.get(index + 1);
    if (fault === undefined) return (index + 1).toString(16).padStart(64, '0');
    return encodeTokenFault(fault.name, fault.argument, index + 1);
  });
}

/** One line per token; the payloads tell them apart and hold more bytes than characters. */
export function toNdjson(tokens: readonly string[]): string {
  return tokens
    .map(
      (deviceToken, index) =>
        `{"deviceToken":"${deviceToken}","payload":{"aps":{"alert":"№ ${index + 1}","badge":1}}}\n`,
    )
    .join('');
}

/** Every `step`th line from `first` on, with what `faultAt` says (it is given 0, 1, 2, …). */
export function spread(
  count: number,
  first: number,
  step: number,
  faultAt: (nth: number) => { name: TokenFaultName; argument?: number },
): FaultyLines {
  return new Map(Array.from({ length: count }, (_, nth) => [first + nth * step, faultAt(nth)]));
}
