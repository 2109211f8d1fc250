import type { AuditReport } from '../../audit/audit.ts';
import type { Config } from '../../config/load.ts';
import { Pincex } from '../../index.ts';
import type { OrderEvent } from '../../replay/recording/events.ts';
import { replay } from '../../replay/replay.ts';
import type { KindName, ReadRun } from '../../diagnostics.ts';
import { DayReaders } from './readers.ts';
import { judge } from './staleness.ts';
import { withoutCache } from '../books/stores.ts';
import { rounded } from '../timing.ts';

/** The output of `pincex bench --day --json`: a day with its readers. */
export interface DayReport {
  readonly store: 'process' | 'redis';
  /** The number of rows and lists that were read, and of items of batches. */
  readonly reads: number;
  readonly writes: number;
  readonly events: number;
  readonly seconds: number;
  /** The hit rate: the share of looked-up keys that were in the cache. */
  readonly hitRate: Readonly<Partial<Record<KindName, number>>>;
  /** Reads that returned an older version than they asked for. */
  readonly staleWithMinVersion: number;
  /** Stale reads: they began after a change was published and returned the state before it. */
  readonly staleAfterPublication: number;
  /** The longest time after a commit at which a stale read began, and the longest publication. */
  readonly longestStaleMs: number;
  readonly longestPublicationMs: number;
  readonly audit: AuditReport;
}

export interface DayOptions {
  /** The share of reads among all operations, 0 to below 1. */
  readonly reads: number;
  /** When to stop, in milliseconds from the beginning. Default: at the end of the day. */
  readonly durationMs?: number;
  /** Called after each batch with the number of lines that are done, and the share of the time that is over. */
  readonly onProgress?: (events: number, share: number) => void;
}

const SYMBOL = 'BTC/USD';
const USERS = 1_000;

/**
 * Runs a day through the engine while readers read as its users would, and proves that no read was stale. With Redis, every
 * other reader has a Pincex of its own, with its own connections; without Redis, all readers share the cache of one process.
 *
 * @param events `null` for a malformed line
 * @throws PincexError as the replay does
 */
export async function measureDay(
  config: Config,
  events: AsyncIterable<OrderEvent | null> | Iterable<OrderEvent | null>,
  { reads, durationMs = Infinity, onProgress }: DayOptions,
): Promise<DayReport> {
  const lookups = new Map<KindName, { hits: number; all: number }>();
  const onCacheRead = ({ kind, keys, hits }: ReadRun): void => {
    const sum = lookups.get(kind) ?? { hits: 0, all: 0 };
    lookups.set(kind, { hits: sum.hits + hits, all: sum.all + keys });
  };
  let committedAt = 0;
  const opened: Pincex[] = [];
  const open = async (
    of: Config,
    onStatement?: (run: { readonly name: string }) => void,
  ): Promise<Pincex> => {
    const pincex = await Pincex.open({ config: of, onCacheRead, ...(onStatement && { onStatement }) });
    opened.push(pincex);
    return pincex;
  };
  try {
    const writer = await open(config, ({ name }) => {
      if (name.startsWith('persist:') || name === 'commit') committedAt = performance.now();
    });
    const instances = config.redis === null ? [writer] : [writer, await open(config)];
    const readers = new DayReaders(instances, await open(withoutCache(config)), SYMBOL, USERS);

    const began = performance.now();
    let writes = 0;
    let reading = Promise.resolve();
    const summary = await replay(writer, until(began + durationMs, events), {
      batch: config.database.optimizedRepository.batchSize,
      users: USERS,
      funding: 'ample',
      symbol: SYMBOL,
      statements: () => 0,
      // The reads of one batch go on while the next batch is committed and published.
      async onBatch(items) {
        await readers.learn(items, committedAt, performance.now());
        await reading;
        writes += items.length;
        reading = readers.read(Math.round((writes * reads) / (1 - reads)) - readers.reads.length);
        // The promise is awaited later; until then this handler prevents an unhandled rejection.
        reading.catch(() => undefined);
      },
      onProgress(count) {
        onProgress?.(count, Math.min(1, (performance.now() - began) / durationMs));
      },
    });
    await reading;
    const seconds = (performance.now() - began) / 1_000;

    const staleness = judge(readers.reads, readers.history);
    return {
      store: config.redis === null ? 'process' : 'redis',
      reads: readers.reads.length,
      writes,
      events: summary.events,
      seconds: rounded(seconds),
      hitRate: Object.fromEntries([...lookups].map(([kind, { hits, all }]) => [kind, rounded(hits / all)])),
      ...staleness,
      longestStaleMs: rounded(staleness.longestStaleMs),
      longestPublicationMs: rounded(staleness.longestPublicationMs),
      audit: summary.audit,
    };
  } finally {
    await Promise.all(opened.map((pincex) => pincex.close()));
  }
}

async function* until<Event>(
  end: number,
  events: AsyncIterable<Event> | Iterable<Event>,
): AsyncGenerator<Event> {
  for await (const event of events) {
    if (performance.now() > end) return;
    yield event;
  }
}
