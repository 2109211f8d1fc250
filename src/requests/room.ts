import { v4 as uuidv4 } from 'uuid';
import { plainArray, textArray } from '../database/arrays.ts';
import type { Session } from '../database/database.ts';
import { persistently } from '../database/retry.ts';
import { limits } from '../limits.ts';
import { addUsage, readUsage } from './statements.ts';

/** Something is close to what it may take. */
export interface Scarcity {
  /** The id of the API key; null: all together. */
  readonly caller: string | null;
  readonly bytes: number;
  readonly most: number;
}

/** What stands in the way of one more answer. */
export interface Shortage {
  /** What the caller has. */
  readonly bytes: number;
  /** What it may have by now. */
  readonly most: number;
  /** What all may have together. */
  readonly room: number;
  /** After so long the first of what it has expires. */
  readonly freeInMs: number;
}

export interface RoomOptions {
  /** Bytes that all API keys may have together. */
  readonly room: number;
  readonly retentionMs: number;
  /** Told once each time that something comes close to what it may take. */
  readonly onScarce: (scarcity: Scarcity) => void;
}

/** What one API key may have while all of them have `all`: a third of what is free. So one alone comes to a quarter. */
export const mostOfKey = (all: number, room: number): number => Math.max(0, Math.floor((room - all) / 3));

/** What is close to what it may take. */
export function scarcities(
  kept: ReadonlyMap<string, { readonly bytes: number }>,
  room: number,
  share: number = limits.requests.scarceShare,
): Scarcity[] {
  const all = sumOf(kept);
  const most = mostOfKey(all, room);
  const callers = Array.from(kept, ([caller, { bytes }]) => ({ caller, bytes, most }));
  return [{ caller: null, bytes: all, most: room }, ...callers].filter(
    ({ bytes, most }) => bytes > 0 && bytes >= share * most,
  );
}

interface Kept {
  readonly bytes: number;
  readonly expiresInMs: number;
}

/**
 * Counts what the answers take that are kept for each API key. The sums of all processes stand in the table `request_usage`,
 * to which each adds what it has counted since; the call that finds the sums too old reads them anew. So a process knows at
 * once what it has written itself, and that of others a moment later.
 */
export class Room {
  readonly #session: Session;
  readonly #options: RoomOptions;
  readonly #processId = uuidv4();
  #kept: ReadonlyMap<string, Kept> = new Map();
  #unsaved = new Map<string, number>();
  /** Of all API keys, saved or not. */
  #all = 0;
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;
  /** What was told to be scarce, and still is. */
  #told: ReadonlySet<string | null> = new Set();

  constructor(session: Session, options: RoomOptions) {
    this.#session = session;
    this.#options = options;
  }

  add(caller: string, bytes: number): void {
    if (bytes === 0) return;
    this.#unsaved.set(caller, (this.#unsaved.get(caller) ?? 0) + bytes);
    this.#all += bytes;
  }

  /**
   * What stands in the way of one more answer for the caller, if anything does.
   *
   * @throws PincexError `database_unavailable`, `pool_exhausted`
   */
  async shortageOf(caller: string): Promise<Shortage | undefined> {
    if (performance.now() - this.#readAt >= limits.requests.roomMs) {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
    const { room, retentionMs } = this.#options;
    const kept = this.#kept.get(caller);
    const bytes = (kept?.bytes ?? 0) + (this.#unsaved.get(caller) ?? 0);
    const most = mostOfKey(this.#all, room);
    if (bytes < most) return undefined;
    return { bytes, most, room, freeInMs: kept?.expiresInMs ?? retentionMs };
  }

  /**
   * Writes down what was counted; what fails is tried again with the next. Where a connection breaks behind it, it is counted
   * twice rather than not at all.
   */
  async save(): Promise<void> {
    if (this.#unsaved.size === 0) return;
    const saving = this.#unsaved;
    this.#unsaved = new Map();
    try {
      await persistently(
        () =>
          this.#session.query(addUsage, [
            `${this.#options.retentionMs} milliseconds`,
            this.#processId,
            textArray([...saving.keys()]),
            plainArray([...saving.values()]),
          ]),
        ['disconnected', 'refused'],
      );
    } catch (error) {
      this.#all -= sum([...saving.values()]);
      for (const [caller, bytes] of saving) this.add(caller, bytes);
      throw error;
    }
  }

  async #read(): Promise<void> {
    await this.save();
    const rows = await persistently(
      () => this.#session.query<{ caller: string; bytes: string; expires_in_ms: string }>(readUsage),
      ['disconnected', 'refused'],
    );
    this.#kept = new Map(
      rows.map((row) => [row.caller, { bytes: Number(row.bytes), expiresInMs: Number(row.expires_in_ms) }]),
    );
    this.#all = sumOf(this.#kept) + sum([...this.#unsaved.values()]);
    this.#readAt = performance.now();
    this.#tellScarcities();
  }

  #tellScarcities(): void {
    const scarce = scarcities(this.#kept, this.#options.room);
    for (const scarcity of scarce) if (!this.#told.has(scarcity.caller)) this.#options.onScarce(scarcity);
    this.#told = new Set(scarce.map(({ caller }) => caller));
  }
}

const sumOf = (kept: ReadonlyMap<string, { readonly bytes: number }>): number =>
  sum(Array.from(kept.values(), ({ bytes }) => bytes));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
