import { Counter, Gauge, type Registry } from 'prom-client';
import { batchOperations } from '../../commands/operationNames.ts';
import type { WindowTally } from '../../monitor/slidingTally.ts';
import type { OtherCounters } from '../../monitor/statistics.ts';
import type { PoolStates } from '../../opening/parts.ts';
import { problemKinds } from '../problems/codes.ts';

/** What the parts have counted, at the moment of a scrape. */
export interface Scrape {
  /** By the name of the operation, since the start. */
  readonly operations: ReadonlyMap<string, WindowTally>;
  readonly statistics: OtherCounters;
  readonly pools: PoolStates;
  /** Calls over HTTP that run and that wait for their turn. */
  readonly calls: { readonly running: number; readonly waiting: number };
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [value: number, labels?: Labels];

/** Metrics of one name whose values are read at each scrape, so that nothing is counted for them. */
interface Family {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly samples: (scrape: Scrape) => readonly Sample[];
}

const FAMILIES: readonly Family[] = [
  {
    kind: 'counter',
    name: 'pincex_operations_total',
    help: 'Batches and reads',
    labels: ['operation', 'outcome'],
    samples: ofOperations(({ operations, failed }, operation) => [
      [operations - failed, { operation, outcome: 'succeeded' }],
      [failed, { operation, outcome: 'failed' }],
    ]),
  },
  {
    kind: 'counter',
    name: 'pincex_operation_errors_total',
    help: 'Batches and reads that failed, by the code of their error',
    labels: ['operation', 'code'],
    samples: ofOperations(({ errors }, operation) =>
      [...errors].map(([code, count]) => [count, { operation, code }]),
    ),
  },
  {
    kind: 'counter',
    name: 'pincex_phase_seconds_total',
    help: 'Seconds of batches in each phase',
    labels: ['operation', 'phase'],
    samples: ofOperations(({ phaseMs }, operation) =>
      batchOperations.has(operation)
        ? Object.entries(phaseMs).map(([phase, ms]) => [ms / 1_000, { operation, phase }])
        : [],
    ),
  },
  {
    kind: 'counter',
    name: 'pincex_statements_total',
    help: 'Statements of batches and reads',
    labels: ['operation'],
    samples: ofOperations(({ statements }, operation) => [[statements, { operation }]]),
  },
  {
    kind: 'counter',
    name: 'pincex_items_total',
    help: 'Items of batches by their outcome',
    labels: ['operation', 'outcome'],
    samples: ofOperations(({ applied, replayed, rejected }, operation) =>
      batchOperations.has(operation)
        ? [
            [applied, { operation, outcome: 'applied' }],
            [replayed, { operation, outcome: 'replayed' }],
            [rejected.total, { operation, outcome: 'rejected' }],
          ]
        : [],
    ),
  },
  {
    kind: 'counter',
    name: 'pincex_rejected_items_total',
    help: 'Rejected items of batches by their code',
    labels: ['operation', 'code'],
    samples: ofOperations(({ rejected }, operation) =>
      [...rejected].map(([code, count]) => [count, { operation, code }]),
    ),
  },
  {
    kind: 'counter',
    name: 'pincex_cache_reads_total',
    help: 'Keys that were looked up in the cache',
    labels: ['kind', 'result'],
    samples: ({ statistics: { cache } }) =>
      Object.entries(cache.reads).flatMap(([kind, { hits, misses }]): Sample[] => [
        [hits, { kind, result: 'hit' }],
        [misses, { kind, result: 'miss' }],
      ]),
  },
  {
    kind: 'counter',
    name: 'pincex_cache_failures_total',
    help: 'Reads and writes of the cache that failed',
    samples: ({ statistics: { cache } }) => [[cache.failures]],
  },
  {
    kind: 'gauge',
    name: 'pincex_pool_connections',
    help: 'Open connections of the pool',
    labels: ['server', 'state'],
    samples: ofPools(({ open, idle }, server) => [
      [idle, { server, state: 'idle' }],
      [open - idle, { server, state: 'in_use' }],
    ]),
  },
  {
    kind: 'gauge',
    name: 'pincex_pool_max_connections',
    help: 'Connections that the pool may have',
    labels: ['server'],
    samples: ofPools(({ max }, server) => [[max, { server }]]),
  },
  {
    kind: 'gauge',
    name: 'pincex_pool_waiting',
    help: 'Calls that wait for a connection',
    labels: ['server'],
    samples: ofPools(({ waiting }, server) => [[waiting, { server }]]),
  },
  {
    kind: 'counter',
    name: 'pincex_pool_waits_total',
    help: 'Calls that found every connection busy',
    samples: ({ statistics: { pool } }) => [[pool.waits]],
  },
  {
    kind: 'counter',
    name: 'pincex_pool_wait_seconds_total',
    help: 'Time that calls waited for a connection',
    samples: ({ statistics: { pool } }) => [[pool.waitMs / 1_000]],
  },
  {
    kind: 'counter',
    name: 'pincex_pool_refusals_total',
    help: 'Calls that got no connection',
    samples: ({ statistics: { pool } }) => [[pool.refused]],
  },
  {
    kind: 'counter',
    name: 'pincex_http_refusals_total',
    help: 'Calls over HTTP that were answered with a problem, by its code',
    labels: ['code'],
    // Codes that were not met yet are told as well: the first increase of a counter shows only if it was 0 before.
    samples: ({ statistics: { refusals } }) =>
      Object.keys(problemKinds).map((code) => [refusals[code] ?? 0, { code }]),
  },
  {
    kind: 'gauge',
    name: 'pincex_http_calls',
    help: 'Calls over HTTP that run and that wait for their turn',
    labels: ['state'],
    samples: ({ calls }) => [
      [calls.running, { state: 'running' }],
      [calls.waiting, { state: 'waiting' }],
    ],
  },
  {
    kind: 'counter',
    name: 'pincex_report_failures_total',
    help: 'Reports of the process that did not reach the database',
    samples: ({ statistics }) => [[statistics.reportFailures]],
  },
  {
    kind: 'counter',
    name: 'pincex_unreadable_reports_total',
    help: 'Reports of other processes that could not be read and were left out',
    samples: ({ statistics }) => [[statistics.unreadableReports]],
  },
  {
    kind: 'counter',
    name: 'pincex_n_plus_one_loops_total',
    help: 'Loops of single calls that the N+1 detector found',
    samples: ({ statistics }) => [[statistics.loops]],
  },
];

function ofOperations(
  samples: (tally: WindowTally['tally'], operation: string) => readonly Sample[],
): Family['samples'] {
  // A name may come from a caller. Half a surrogate pair has no form in UTF-8.
  return ({ operations }) =>
    [...operations].flatMap(([name, { tally }]) => samples(tally, name.toWellFormed()));
}

function ofPools(
  samples: (pool: NonNullable<PoolStates['primary']>, server: string) => readonly Sample[],
): Family['samples'] {
  return ({ pools }) => Object.entries(pools).flatMap(([server, pool]) => samples(pool, server));
}

/** Adds the families to a registry; the returned function gives them the values of a scrape. */
export function addFamilies(registry: Registry): (scrape: Scrape) => void {
  const updates = FAMILIES.map(({ kind, name, help, labels = [], samples }) => {
    const config = { name, help, labelNames: labels, registers: [registry] };
    const metric = kind === 'counter' ? new Counter(config) : new Gauge(config);
    return (scrape: Scrape): void => {
      metric.reset();
      // A counter begins at 0 after the reset, and a gauge is set to the sum of one addition.
      for (const [value, own = {}] of samples(scrape)) metric.inc(own, value);
    };
  });
  return (scrape) => {
    for (const update of updates) update(scrape);
  };
}
