import type { Config } from '../config/load.ts';
import { Statistics } from '../monitor/statistics.ts';
import { openParts, type Parts } from '../opening/parts.ts';
import { summarize, type ItemResult } from '../results.ts';
import { ACCOUNTS, CURRENCY, lockItems, userOf } from './books/accounts.ts';
import { applied } from './books/applied.ts';
import { drawFrom } from './books/draw.ts';
import { interleave, median, medianRatio, rounded, timed, type Candidate } from './timing.ts';

/** Calls that the monitor measures, against the same calls without any listener. */
export interface MonitorRow {
  readonly call: string;
  readonly onMs: number;
  readonly offMs: number;
  /** The ratio of on to off: the median of the rounds. */
  readonly ratio: number;
}

export interface MonitorReport {
  /** Nanoseconds to start and to end an operation. */
  readonly operationNs: number;
  /** Nanoseconds to record a batch of 100 items that ended, ten of them rejected. */
  readonly batchNs: number;
  readonly calls: readonly MonitorRow[];
}

export interface MonitorOptions {
  readonly budgetMs: number;
  readonly onProgress: (share: number, what: string) => void;
}

/** Operations that are timed as one, since a clock cannot time a single one. */
const OPERATIONS = 10_000;
const OPERATION_ROUNDS = 20;

/** The results of a batch of 100 items, one of ten rejected. */
const ITEMS = Array.from({ length: 100 }, (_, index): ItemResult<null> => {
  const item = { index, id: String(index) };
  const error = { code: 'insufficient_funds', message: '', retryable: true } as const;
  return index % 10 === 0
    ? { ...item, status: 'rejected', error }
    : { ...item, status: 'applied', data: null };
});

/** A call, and how many of it a round has. A change of listeners slows down the first calls after it, which are not timed. */
interface Call {
  readonly calls: number;
  readonly warm: number;
  readonly run: (parts: Parts) => () => Promise<unknown>;
}

const draw = drawFrom(ACCOUNTS, 'uniform', 3);

const CALLS: Readonly<Record<string, Call>> = {
  'get 100 accounts': {
    calls: 9,
    warm: 3,
    run({ bookkeeper }) {
      const userIds = Array.from({ length: 100 }, () => userOf(draw()));
      return () => bookkeeper.batchGetAccounts(userIds, [CURRENCY]);
    },
  },
  'get an account': {
    calls: 60,
    warm: 20,
    run({ bookkeeper }) {
      const userId = userOf(draw());
      return () => bookkeeper.getAccount(userId, CURRENCY);
    },
  },
  'lock 100 funds': {
    calls: 5,
    warm: 1,
    run({ bookkeeper }) {
      const locks = lockItems(100, draw);
      return () => applied(bookkeeper.batchLockFunds(locks));
    },
  },
  'lock funds': {
    calls: 15,
    warm: 5,
    run({ bookkeeper }) {
      const locks = lockItems(1, draw);
      return () => applied(bookkeeper.batchLockFunds(locks));
    },
  },
};

/**
 * Measures the cost of the monitor. No other Pincex may be open in the process: its listeners would make messages of the calls
 * without a listener too.
 */
export async function measureMonitor(
  config: Config,
  { budgetMs, onProgress }: MonitorOptions,
): Promise<MonitorReport> {
  onProgress(0, 'the monitor: an operation');
  const costs = await measureOperations();
  const parts = await openParts({ config });
  try {
    for (const stop of parts.stops) stop?.();
    const entries = Object.entries(CALLS);
    const calls: MonitorRow[] = [];
    for (const [done, [call, how]] of entries.entries()) {
      onProgress(done / entries.length, `the monitor on and off: ${call}`);
      const candidates = { on: listening(parts, how), off: () => timedCalls(parts, how) };
      const measured = await interleave(candidates, budgetMs / entries.length);
      calls.push({
        call,
        onMs: rounded(median(measured.on)),
        offMs: rounded(median(measured.off)),
        ratio: Number(medianRatio(measured.on, measured.off).toFixed(3)),
      });
    }
    return { ...costs, calls };
  } finally {
    await parts.close();
  }
}

function listening(parts: Parts, how: Call): Candidate {
  return async () => {
    const stop = parts.statistics.listenTo(parts.diagnostics.instance);
    try {
      return await timedCalls(parts, how);
    } finally {
      stop();
    }
  };
}

/** The median milliseconds of a call. */
async function timedCalls(parts: Parts, { calls, warm, run }: Call): Promise<number> {
  for (let n = 0; n < warm; n++) await run(parts)();
  const times: number[] = [];
  for (let n = 0; n < calls; n++) times.push(await timed(run(parts)));
  return median(times);
}

async function measureOperations(): Promise<Pick<MonitorReport, 'operationNs' | 'batchNs'>> {
  const statistics = new Statistics({ poolMax: 1 });
  const { monitor } = statistics;
  const result = summarize('bench', 'partial', ITEMS, 1);
  const operation = repeated(() => {
    monitor.endOperation(monitor.startOperation('batch_get_accounts', 100));
  });
  const batch = repeated((n) => {
    statistics.operation({
      operation: 'batch_lock_funds',
      items: 100,
      durationMs: 1 + (n % 100) / 10,
      result,
    });
  });
  const measured = await interleave({ operation, batch }, 0, OPERATION_ROUNDS);
  const ns = (ms: readonly number[]): number => Math.round((median(ms) * 1e6) / OPERATIONS);
  return { operationNs: ns(measured.operation), batchNs: ns(measured.batch) };
}

const repeated =
  (work: (n: number) => void): Candidate =>
  () =>
    timed(() => {
      for (let n = 0; n < OPERATIONS; n++) work(n);
      return Promise.resolve();
    });
