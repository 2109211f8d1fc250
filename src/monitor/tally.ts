import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';
import { describe } from '../describe.ts';
import { Counts } from './counts.ts';
import type { PhaseTimes } from './figures.ts';

/** Batches by their number of items. */
export const BATCH_SIZES = ['1', '2-9', '10-49', '50-499', '500+'] as const;
export type BatchSize = (typeof BATCH_SIZES)[number];

/** An operation that has ended. */
export interface EndedOperation {
  readonly durationMs: number;
  readonly items: number;
  /** Code of the error of an operation that failed; null if it succeeded. */
  readonly errorCode: string | null;
  /** Outcomes of the items, if the operation tells them. */
  readonly outcomes?: ItemOutcomes | undefined;
  /** Statements that it sent to PostgreSQL. Default: none. */
  readonly statements?: number | undefined;
  /** Id and phases of a batch. */
  readonly batchId?: string | undefined;
  readonly phaseMs?: PhaseTimes | undefined;
}

export interface ItemOutcomes {
  readonly applied: number;
  readonly replayed: number;
  /** Number of rejected items by code. */
  readonly rejected: Readonly<Record<string, number>>;
}

/** A tally as plain JSON, for the database. */
export interface StoredTally {
  readonly operations: number;
  readonly failed: number;
  readonly items: number;
  readonly applied: number;
  readonly replayed: number;
  readonly rejected: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly sizes: Readonly<Record<BatchSize, number>>;
  readonly leastItems: number;
  readonly mostItems: number;
  readonly sumMs: number;
  readonly leastMs: number;
  readonly mostMs: number;
  /** Absent in the reports of older versions, as are the phases. */
  readonly statements?: number;
  readonly phaseMs?: PhaseTimes;
  /** HdrHistogram of the durations in microseconds, compressed, in base64. */
  readonly durations: string;
}

const FIGURES = [
  'operations',
  'failed',
  'items',
  'applied',
  'replayed',
  'leastItems',
  'mostItems',
  'sumMs',
  'leastMs',
  'mostMs',
] as const satisfies readonly (keyof StoredTally)[];

/** Two digits: a percentile is at most 1% too high. */
const DIGITS = 2;

/** Counters and durations of operations. Tallies add up: those of windows, of operations and of processes are merged. */
export class Tally {
  readonly rejected = new Counts();
  readonly errors = new Counts();
  readonly sizes: Record<BatchSize, number> = { '1': 0, '2-9': 0, '10-49': 0, '50-499': 0, '500+': 0 };
  operations = 0;
  failed = 0;
  items = 0;
  applied = 0;
  replayed = 0;
  leastItems = Infinity;
  mostItems = 0;
  sumMs = 0;
  leastMs = Infinity;
  mostMs = 0;
  statements = 0;
  readonly phaseMs = { load: 0, decide: 0, persist: 0, publish: 0 };
  readonly #durations: Histogram;

  /** @param isLong whether it may count more than 2^31 operations of one duration, which takes twice the memory */
  constructor(isLong = false) {
    this.#durations = build({
      bitBucketSize: isLong ? 64 : 32,
      autoResize: true,
      numberOfSignificantValueDigits: DIGITS,
      highestTrackableValue: 2,
    });
  }

  add({ durationMs, items, errorCode, outcomes, statements = 0, phaseMs }: EndedOperation): void {
    this.operations++;
    this.items += items;
    this.sizes[sizeOf(items)]++;
    this.leastItems = Math.min(this.leastItems, items);
    this.mostItems = Math.max(this.mostItems, items);
    this.sumMs += durationMs;
    this.leastMs = Math.min(this.leastMs, durationMs);
    this.mostMs = Math.max(this.mostMs, durationMs);
    this.#durations.recordValue(Math.round(durationMs * 1_000));
    if (errorCode !== null) {
      this.failed++;
      this.errors.add(errorCode, 1);
    }
    this.statements += statements;
    if (phaseMs !== undefined) this.#addPhases(phaseMs);
    if (outcomes === undefined) return;
    this.applied += outcomes.applied;
    this.replayed += outcomes.replayed;
    for (const [code, count] of Object.entries(outcomes.rejected)) this.rejected.add(code, count);
  }

  #addPhases({ load, decide, persist, publish }: PhaseTimes): void {
    this.phaseMs.load += load;
    this.phaseMs.decide += decide;
    this.phaseMs.persist += persist;
    this.phaseMs.publish += publish;
  }

  merge(other: Tally): void {
    this.operations += other.operations;
    this.failed += other.failed;
    this.items += other.items;
    this.applied += other.applied;
    this.replayed += other.replayed;
    this.sumMs += other.sumMs;
    this.statements += other.statements;
    this.#addPhases(other.phaseMs);
    for (const size of BATCH_SIZES) this.sizes[size] += other.sizes[size];
    this.leastItems = Math.min(this.leastItems, other.leastItems);
    this.mostItems = Math.max(this.mostItems, other.mostItems);
    this.leastMs = Math.min(this.leastMs, other.leastMs);
    this.mostMs = Math.max(this.mostMs, other.mostMs);
    for (const [code, count] of other.errors) this.errors.add(code, count);
    for (const [code, count] of other.rejected) this.rejected.add(code, count);
    this.#durations.add(other.#durations);
  }

  /** The duration in milliseconds that this percentage of the operations did not exceed; 0 without operations. */
  percentileMs(percentage: number): number {
    return this.#durations.getValueAtPercentile(percentage) / 1_000;
  }

  /** @param durations the histogram as {@link encodedDurations} returned it, which is the costly part */
  stored(durations = this.encodedDurations()): StoredTally {
    const { operations, failed, items, applied, replayed, sizes, mostItems, sumMs, mostMs, statements } =
      this;
    return {
      operations,
      failed,
      items,
      applied,
      replayed,
      rejected: Object.fromEntries(this.rejected),
      errors: Object.fromEntries(this.errors),
      sizes: { ...sizes },
      leastItems: operations === 0 ? 0 : this.leastItems,
      mostItems,
      sumMs,
      leastMs: operations === 0 ? 0 : this.leastMs,
      mostMs,
      statements,
      phaseMs: { ...this.phaseMs },
      durations,
    };
  }

  encodedDurations(): string {
    return encodeIntoCompressedBase64(this.#durations);
  }

  /** @throws Error if `stored` is malformed, as that of another version may be */
  static from(stored: StoredTally): Tally {
    requireStored(stored);
    const tally = new Tally(true);
    const { operations, failed, items, applied, replayed, sizes, mostItems, sumMs, mostMs } = stored;
    Object.assign(tally, { operations, failed, items, applied, replayed, mostItems, sumMs, mostMs });
    tally.statements = stored.statements ?? 0;
    if (stored.phaseMs !== undefined) tally.#addPhases(stored.phaseMs);
    Object.assign(tally.sizes, sizes);
    if (operations > 0) Object.assign(tally, { leastItems: stored.leastItems, leastMs: stored.leastMs });
    for (const [code, count] of Object.entries(stored.rejected)) tally.rejected.add(code, count);
    for (const [code, count] of Object.entries(stored.errors)) tally.errors.add(code, count);
    tally.#durations.add(decodeFromCompressedBase64(stored.durations, 64));
    return tally;
  }
}

function requireStored({ rejected, errors, sizes, statements, phaseMs, ...figures }: StoredTally): void {
  const counts = [...Object.values(sizes), ...Object.values(rejected), ...Object.values(errors)];
  if (statements !== undefined) counts.push(statements);
  if (phaseMs !== undefined) counts.push(phaseMs.load, phaseMs.decide, phaseMs.persist, phaseMs.publish);
  for (const figure of [...FIGURES.map((name) => figures[name]), ...counts]) {
    if (typeof figure !== 'number')
      throw new Error(`A stored tally has ${describe(figure)} in place of a number`);
  }
}

function sizeOf(items: number): BatchSize {
  if (items < 2) return '1';
  if (items < 10) return '2-9';
  if (items < 50) return '10-49';
  return items < 500 ? '50-499' : '500+';
}
