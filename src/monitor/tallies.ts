import { describe, messageOf } from '../describe.ts';
import { Diagnostics, EVERY_INSTANCE } from '../diagnostics.ts';
import { limits } from '../limits.ts';
import { OTHER } from './counts.ts';
import { EncodedDurations } from './encodedDurations.ts';
import { WINDOWS, type Window, type WindowTally } from './slidingTally.ts';
import { Tally, type StoredTally } from './tally.ts';

/** The tally of an operation, or of several, over each window. */
export type Windows = Readonly<Record<Window, WindowTally>>;

/** The tallies of a process, or of several, by operation. */
export type Tallies = ReadonlyMap<string, Windows>;

/** Tallies as plain JSON, for the database. Windows without operations are left out. */
export type StoredTallies = Readonly<Record<string, StoredWindows>>;

type StoredWindows = Readonly<Partial<Record<Window, StoredTally & { readonly coveredMs: number }>>>;

export const windowsOf = (over: (window: Window) => WindowTally): Windows => ({
  start: over('start'),
  minute: over('minute'),
  fiveMinutes: over('fiveMinutes'),
  hour: over('hour'),
});

/** The sum of operations over one window. It covers the longest time that one of them covers. */
export function totalOf(all: Iterable<WindowTally>): WindowTally {
  const tally = new Tally(true);
  let coveredMs = 0;
  for (const one of all) {
    tally.merge(one.tally);
    coveredMs = Math.max(coveredMs, one.coveredMs);
  }
  return { tally, coveredMs };
}

/** The sum over each window. */
export const sumOf = (all: readonly Windows[]): Windows =>
  windowsOf((window) => totalOf(all.map((windows) => windows[window])));

/** Adds up the tallies of processes by operation. Operations beyond the bound on names count as `other`. */
export function mergeTallies(processes: readonly Tallies[]): Tallies {
  const byName = new Map<string, Windows[]>();
  for (const [name, windows] of processes.flatMap((tallies) => [...tallies])) {
    const isKnown = byName.has(name) || byName.size < limits.monitor.names;
    const key = isKnown ? name : OTHER;
    byName.set(key, [...(byName.get(key) ?? []), windows]);
  }
  return new Map([...byName].map(([name, all]) => [name, sumOf(all)]));
}

/**
 * Stores tallies, the commonest operations first. Once they fill `mostBytes`, all further operations are stored as `other`,
 * which itself has a bounded size.
 *
 * @param encoded the histograms of the last report
 */
export function storeTallies(
  tallies: Tallies,
  encoded = new EncodedDurations(),
  mostBytes: number = limits.monitor.reportBytes,
): StoredTallies {
  const stored: Record<string, StoredWindows> = {};
  const others: Windows[] = [];
  let bytes = 0;
  const count = ({ start }: Windows): number => start.tally.operations;
  for (const [name, windows] of [...tallies].toSorted(([, a], [, b]) => count(b) - count(a))) {
    const one = storeWindows(name, windows, encoded);
    bytes += name === OTHER ? 0 : Buffer.byteLength(JSON.stringify({ [name]: one }));
    if (name === OTHER || bytes > mostBytes) others.push(windows);
    else stored[name] = one;
  }
  return others.length === 0 ? stored : { ...stored, [OTHER]: storeWindows(OTHER, sumOf(others), encoded) };
}

function storeWindows(name: string, windows: Windows, encoded: EncodedDurations): StoredWindows {
  const stored = WINDOWS.flatMap((window) => {
    const { tally, coveredMs } = windows[window];
    if (tally.operations === 0) return [];
    return [[window, { ...tally.stored(encoded.of(name, window, tally)), coveredMs }]];
  });
  return Object.fromEntries(stored) as StoredWindows;
}

/**
 * The tallies of a report. A process of another version, or anyone with a connection, may have written one that cannot be read: it
 * counts as one without operations, so that it keeps nobody from the figures of the others, and is told.
 */
export function restoreTallies(stored: StoredTallies): Tallies {
  const read = readTallies(stored);
  if (!(read instanceof Error)) return read;
  everyone.tell('unreadableReport', () => ({ error: read }));
  return new Map();
}

const everyone = new Diagnostics(EVERY_INSTANCE);

/** The tallies of a report, or the reason why it cannot be read. */
export function readTallies(stored: StoredTallies): Tallies | Error {
  try {
    return new Map(entriesOf(stored).map(([name, windows]) => [name, restored(windows)]));
  } catch (error) {
    return new Error(`A report cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

const restored = (stored: StoredWindows): Windows =>
  windowsOf((window) => {
    const one = stored[window];
    if (one === undefined) return { tally: new Tally(true), coveredMs: 0 };
    const { coveredMs } = one;
    if (typeof coveredMs !== 'number') throw new Error(`coveredMs is ${describe(coveredMs)}`);
    return { tally: Tally.from(one), coveredMs };
  });

function entriesOf(stored: StoredTallies): [string, StoredWindows][] {
  const strange = [stored, ...Object.values(stored)].find(
    (one) => typeof one !== 'object' || Array.isArray(one),
  );
  if (strange === undefined) return Object.entries(stored);
  throw new Error(`${describe(strange)} stands in place of operations or their windows`);
}
