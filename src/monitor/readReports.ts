import type { KindName } from '../diagnostics.ts';
import type { LiveProcess } from './processes.ts';
import type { ProcessStatistics } from './statistics.ts';
import { readTallies, type Tallies } from './tallies.ts';

/** A process whose report could be read. */
export interface ReadProcess extends LiveProcess {
  readonly tallies: Tallies;
}

/** The processes without those whose reports are malformed or of another version of Pincex. */
export const readReports = (live: readonly LiveProcess[]): ReadProcess[] =>
  live.flatMap((process): ReadProcess[] => {
    const tallies = readTallies(process.report.operations);
    return tallies instanceof Error || !isComplete(process.report) ? [] : [{ ...process, tallies }];
  });

/** The parts of a report as another version may have written them. */
type Doubtful<Of> = Of extends object ? { readonly [Name in keyof Of]?: Doubtful<Of[Name]> } : unknown;

const POOL = ['max', 'inUse', 'waits', 'waitMs', 'longestWaitMs', 'refused'] as const;
const KINDS = ['accounts', 'orders', 'userOrders', 'trades'] as const satisfies readonly KindName[];

/** Whether a report, which may be of another version, has all figures that a picture shows. */
function isComplete({ pool, cache, refusals }: Doubtful<ProcessStatistics>): boolean {
  const figures = [
    ...POOL.map((name) => pool?.[name]),
    ...KINDS.flatMap((kind) => [cache?.reads?.[kind]?.hits, cache?.reads?.[kind]?.misses]),
    cache?.failures,
    ...Object.values(refusals ?? { none: undefined }),
  ];
  return figures.every((figure) => typeof figure === 'number');
}
