import Type, { type TSchema } from 'typebox';
import { byName, component, oneOf, orNull, ref, refOrNull, strict, time } from './common.ts';
import { alert } from './views.ts';

/** The events of the live stream, and the state of the database: see `src/live/frame.ts`. */

const number = Type.Number();
const count = Type.Integer({ minimum: 0 });
const text = Type.String();
const numberOrNull = Type.Unsafe<number | null>({ type: ['number', 'null'] });
const batchId = Type.String({ format: 'uuid' });

const phaseTimes = component(
  'PhaseTimes',
  strict(
    { load: number, decide: number, persist: number, publish: number },
    'Milliseconds of batches in each phase',
  ),
);

const figures = {
  operations: count,
  succeeded: count,
  failed: count,
  successRate: number,
  totalMs: number,
  averageMs: numberOrNull,
  leastMs: numberOrNull,
  mostMs: numberOrNull,
  p50Ms: numberOrNull,
  p95Ms: numberOrNull,
  p99Ms: numberOrNull,
  operationsPerSecond: number,
  itemsPerSecond: number,
  items: count,
  batchSize: strict({ average: numberOrNull, least: numberOrNull, most: numberOrNull }),
  applied: count,
  replayed: count,
  rejected: strict({ total: count, byCode: byName(count) }),
  statements: count,
  phaseMs: ref(phaseTimes),
  errors: Type.Array(strict({ code: text, count, rate: number })),
  seconds: number,
} satisfies Record<string, TSchema>;

const operationMetrics = component('OperationMetrics', strict(figures));

const windowed = {
  ...figures,
  windows: strict({
    minute: ref(operationMetrics),
    fiveMinutes: ref(operationMetrics),
    hour: ref(operationMetrics),
  }),
};

const windowedMetrics = component('WindowedMetrics', strict(windowed));

const performanceMetrics = component(
  'PerformanceMetrics',
  strict({ ...windowed, byOperation: byName(ref(windowedMetrics)) }),
);

const operationPoint = component(
  'OperationPoint',
  strict({
    operationsPerSecond: number,
    itemsPerSecond: number,
    p50Ms: number,
    p95Ms: number,
    p99Ms: number,
    averageItems: numberOrNull,
    successRate: number,
  }),
);

const livePoint = component(
  'LivePoint',
  strict(
    { at: time, all: refOrNull(operationPoint), operations: byName(ref(operationPoint)) },
    'Figures of the last minute at one moment, of all operations together and of the busiest ones',
  ),
);

const liveHistory = component(
  'LiveHistory',
  strict({ version: text, everyMs: count, points: Type.Array(ref(livePoint)) }),
);

const pool = strict({
  max: count,
  inUse: count,
  waits: count,
  waitMs: number,
  longestWaitMs: number,
  refused: count,
});

const cacheUse = strict({ hits: count, misses: count, hitRate: numberOrNull });

const loopCost = { statements: count, wouldBeStatements: count, ms: number, wouldBeMs: number };

const notableBatch = component(
  'NotableBatch',
  strict({
    batchId,
    operation: text,
    at: time,
    durationMs: number,
    items: count,
    phases: ref(phaseTimes),
    errorCode: orNull(text),
    rejected: byName(count),
    process: text,
  }),
);

const lastAudit = component(
  'LastAudit',
  strict({ madeAt: time, findings: count, checks: Type.Array(text) }, 'The outcome of the last audit'),
);

const livePicture = component(
  'LivePicture',
  strict({
    at: time,
    process: orNull(text),
    processes: Type.Array(
      strict({
        id: text,
        host: text,
        pid: count,
        startedAt: time,
        ageMs: number,
        minute: ref(operationMetrics),
        pool,
      }),
    ),
    point: ref(livePoint),
    isKept: Type.Boolean(),
    metrics: ref(performanceMetrics),
    phases: byName(
      strict({
        batches: count,
        loadMs: number,
        decideMs: number,
        persistMs: number,
        publishMs: number,
        otherMs: number,
        statements: count,
      }),
    ),
    cache: strict({
      reads: strict({ accounts: cacheUse, orders: cacheUse, userOrders: cacheUse, trades: cacheUse }),
      failures: count,
    }),
    pool,
    refusals: byName(count),
    loops: strict({ ...loopCost, byOperation: byName(strict(loopCost)) }),
    batches: Type.Array(ref(notableBatch)),
    alerts: Type.Array(ref(alert)),
    audit: refOrNull(lastAudit),
  }),
);

/** An event: its name, and its data as JSON. */
export const liveEvent = Type.Union([
  strict({ event: Type.Literal('history'), data: ref(liveHistory) }),
  strict({ event: Type.Literal('picture'), data: ref(livePicture) }),
  strict({ event: Type.Literal('closing'), data: strict({ at: time }) }),
]);

export const databaseState = component(
  'DatabaseState',
  strict({
    findings: Type.Array(
      strict({
        check: text,
        severity: oneOf('hurts', 'advice'),
        subject: text,
        message: text,
        remedy: text,
      }),
    ),
    indexes: Type.Array(
      strict({ table: text, name: text, scans: count, sizeBytes: count, isUnique: Type.Boolean() }),
    ),
    audit: refOrNull(lastAudit),
    at: time,
  }),
);
