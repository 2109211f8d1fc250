import { limits } from '../limits.ts';
import type { RecordedBatch } from './figures.ts';
import type { EndedOperation } from './tally.ts';

/** The slowest are kept for each slot, and a slot leaves as a whole once the hour is over. */
const SLOT_MS = 300_000;
const SLOTS = 12;

const { slowest: MOST_SLOW, codes: MOST_CODES, ofCode: MOST_OF_CODE } = limits.monitor.notable;

/** A batch as it is kept: its record is made once it is asked for, since most are not. */
interface Noted {
  readonly operation: string;
  readonly batch: EndedOperation;
  readonly endedAt: number;
}

/** The batches of a process that are worth a look: the slowest of the last hour, and the latest with each code. */
export class NotableBatches {
  readonly #slowest = new Map<number, Noted[]>();
  /** The code that came last is the last. */
  readonly #byCode = new Map<string, Noted[]>();

  /** @param now by `performance.now()` */
  add(operation: string, batch: EndedOperation, now: number): void {
    const slow = this.#slowOf(Math.floor(now / SLOT_MS));
    const isSlow = slow.length < MOST_SLOW || batch.durationMs > (slow.at(-1)?.batch.durationMs ?? 0);
    const { errorCode, outcomes } = batch;
    const codes = Object.keys(outcomes?.rejected ?? {});
    if (errorCode !== null) codes.push(errorCode);
    if (!isSlow && codes.length === 0) return;
    const noted = { operation, batch, endedAt: Date.now() };
    if (isSlow) {
      slow.splice(placeOf(slow, batch.durationMs), 0, noted);
      slow.length = Math.min(slow.length, MOST_SLOW);
    }
    for (const code of codes) this.#addTo(code, noted);
  }

  list(now: number): RecordedBatch[] {
    const oldest = Math.floor(now / SLOT_MS) - SLOTS + 1;
    const slow = [...this.#slowest].flatMap(([slot, batches]) => (slot >= oldest ? batches : []));
    const noted = new Set([...slow, ...[...this.#byCode.values()].flat()]);
    return mostNotable([...noted].map(recordOf));
  }

  reset(): void {
    this.#slowest.clear();
    this.#byCode.clear();
  }

  #slowOf(slot: number): Noted[] {
    let slow = this.#slowest.get(slot);
    if (slow !== undefined) return slow;
    slow = [];
    this.#slowest.set(slot, slow);
    for (const old of this.#slowest.keys()) if (old <= slot - SLOTS) this.#slowest.delete(old);
    return slow;
  }

  #addTo(code: string, batch: Noted): void {
    const latest = this.#byCode.get(code) ?? [];
    this.#byCode.delete(code);
    this.#byCode.set(code, [...latest, batch].slice(-MOST_OF_CODE));
    const [longestAgo] = this.#byCode.keys();
    if (this.#byCode.size > MOST_CODES && longestAgo !== undefined) this.#byCode.delete(longestAgo);
  }
}

/** Of the batches of several processes: the slowest, and the latest of each code; the newest first. */
export function mostNotable<Batch extends RecordedBatch>(batches: readonly Batch[]): Batch[] {
  const newest = batches.toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  const chosen = new Set(newest.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, MOST_SLOW));
  const ofCode = new Map<string, number>();
  for (const batch of newest) {
    for (const code of codesOf(batch)) {
      const count = ofCode.get(code) ?? 0;
      if (count === 0 && ofCode.size === MOST_CODES) continue;
      ofCode.set(code, count + 1);
      if (count < MOST_OF_CODE) chosen.add(batch);
    }
  }
  return newest.filter((batch) => chosen.has(batch));
}

/** As many of the batches as fit into a report, the newest first. */
export function reportedBatches(batches: readonly RecordedBatch[]): RecordedBatch[] {
  let bytes = 0;
  return batches.filter((batch) => {
    bytes += Buffer.byteLength(JSON.stringify(batch)) + 1;
    return bytes <= limits.monitor.notable.reportBytes;
  });
}

/** The batches of a report, without those that are malformed, as those of another version may be. */
export const readNotable = (reported: unknown): RecordedBatch[] =>
  Array.isArray(reported) ? reported.filter(isRecorded) : [];

const TEXTS = ['batchId', 'operation', 'at'] as const;
const PHASES = ['load', 'decide', 'persist', 'publish'] as const;

function isRecorded(batch: Partial<RecordedBatch> | null): batch is RecordedBatch {
  if (typeof batch !== 'object' || batch === null) return false;
  const { durationMs, items, phases, rejected, errorCode } = batch;
  const figures = [durationMs, items, ...PHASES.map((phase) => phases?.[phase])];
  return (
    TEXTS.every((name) => typeof batch[name] === 'string') &&
    figures.every((figure) => typeof figure === 'number') &&
    Object.values(rejected ?? { none: undefined }).every((count) => typeof count === 'number') &&
    (errorCode === null || typeof errorCode === 'string')
  );
}

const codesOf = ({ errorCode, rejected }: RecordedBatch): string[] => [
  ...Object.keys(rejected),
  ...(errorCode === null ? [] : [errorCode]),
];

function recordOf({ operation, batch, endedAt }: Noted): RecordedBatch {
  const { batchId = '', durationMs, items, errorCode, outcomes, phaseMs } = batch;
  const { load = 0, decide = 0, persist = 0, publish = 0 } = phaseMs ?? {};
  const commonest = Object.entries(outcomes?.rejected ?? {}).toSorted(([, a], [, b]) => b - a);
  return {
    batchId,
    operation,
    at: new Date(endedAt).toISOString(),
    durationMs: rounded(durationMs),
    items,
    phases: {
      load: rounded(load),
      decide: rounded(decide),
      persist: rounded(persist),
      publish: rounded(publish),
    },
    errorCode,
    rejected: Object.fromEntries(commonest.slice(0, limits.monitor.notable.codesOfBatch)),
  };
}

/** The place of a batch among others, the slowest first. */
function placeOf(slow: readonly Noted[], durationMs: number): number {
  const place = slow.findIndex(({ batch }) => batch.durationMs < durationMs);
  return place === -1 ? slow.length : place;
}

/** Microseconds are exact enough. */
const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000;
