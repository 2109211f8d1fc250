import { v4 as uuidv4 } from 'uuid';
import { plainArray, textArray } from '../database/sql/arrays.ts';
import type { Session } from '../database/database.ts';
import { persistently } from '../database/retry.ts';
import { limits } from '../limits.ts';
import { addUsage, readUsage } from './statements.ts';

/** A caller, or all of them together, is close to its bound. */
export interface Scarcity {
  /** The id of the API key; null for all of them together. */
  readonly caller: string | null;
  readonly bytes: number;
  readonly most: number;
}

/** The reason why one more answer has no room. */
export interface Shortage {
  /** The bytes that the caller has stored. */
  readonly bytes: number;
  /** The bytes that it may store at present. */
  readonly most: number;
  /** The bytes that all callers together may store. */
  readonly room: number;
  /** The time until the first of its answers expires. */
  readonly freeInMs: number;
}

export interface RoomOptions {
  /** The bytes that all API keys together may store. */
  readonly room: number;
  readonly retentionMs: number;
  /** Called once each time that a caller, or all of them together, come close to their bound. */
  readonly onScarce: (scarcity: Scarcity) => void;
}

/**
 * The bytes that one API key may store while all keys store `all`: a third of the free room. A key that is alone reaches a
 * quarter.
 */
export const mostOfKey = (all: number, room: number): number => Math.max(0, Math.floor((room - all) / 3));

/** The callers, and all of them together, that are close to their bound. */
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
 * Counts the bytes of the answers that are stored for each API key. Each process adds its own counts to the table
 * `request_usage`; a call that finds the sums older than `limits.requests.roomMs` reads them again. A process therefore knows
 * its own writes at once, and those of other processes a moment later.
 */
export class Room {
  readonly #session: Session;
  readonly #options: RoomOptions;
  readonly #processId = uuidv4();
  #kept: ReadonlyMap<string, Kept> = new Map();
  #unsaved = new Map<string, number>();
  /** The bytes of all API keys, saved or not. */
  #all = 0;
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;
  /** Callers whose scarcity was reported and still lasts. */
  #reported: ReadonlySet<string | null> = new Set();

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
   * Tells whether one more answer of the caller would have no room, and why.
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
   * Saves the counts; if that fails, they are saved with the next ones. If the connection breaks after the commit, they are
   * counted twice rather than not at all.
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
    this.#reportScarcities();
  }

  #reportScarcities(): void {
    const scarce = scarcities(this.#kept, this.#options.room);
    for (const scarcity of scarce) if (!this.#reported.has(scarcity.caller)) this.#options.onScarce(scarcity);
    this.#reported = new Set(scarce.map(({ caller }) => caller));
  }
}

const sumOf = (kept: ReadonlyMap<string, { readonly bytes: number }>): number =>
  sum(Array.from(kept.values(), ({ bytes }) => bytes));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
