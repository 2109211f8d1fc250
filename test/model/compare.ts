import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import type { ItemResult } from '../../src/results.ts';
import { textOf } from './decimals.ts';
import type { Batch } from './generate.ts';
import type { ModelResult } from './model.ts';

/** Expects the results of the model; a rejected item has to have one of the codes that the model found. */
export function expectSameResults(
  batch: Batch,
  results: readonly ItemResult<unknown>[],
  expected: readonly ModelResult[],
): void {
  const own = results.map((result) => {
    if (result.status === 'rejected') return { status: result.status, code: result.error.code };
    return result.status === 'skipped'
      ? { status: result.status }
      : { status: result.status, data: result.data };
  });
  const wanted = expected.map((result, i) => {
    if (result.status !== 'rejected') return result;
    const code = own[i] !== undefined && 'code' in own[i] ? own[i].code : undefined;
    const accepted = result.codes.find((one) => one === code) ?? result.codes.join(' or ');
    return { status: result.status, code: accepted };
  });
  expectSame(own, wanted);
  assert.deepEqual(
    results.map(({ index }) => index),
    batch.items.map((_, i) => i),
  );
}

/** The tables of the books as the engine and the model both print them: the compared values by the ids of the row. */
export type ShownBooks = Record<'accounts' | 'holds' | 'orders' | 'operations', Record<string, unknown>>;

/** A table by its ids, joined with blanks. */
export function table<Row>(
  rows: Iterable<readonly [string, Row]>,
  show: (row: Row) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Array.from(rows, ([ids, row]) => [ids.split(/\0| \| /).join(' '), show(row)]));
}

/** Calls the slow `toEqual`, which explains a difference, only if there is one. */
export function expectSame(own: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(own, wanted)) expect(own).toEqual(wanted);
}

/** A number of the model, or of the engine at its scale, as one text. */
export function printed(amount: bigint, scale = 40): string {
  return textOf(amount * 10n ** BigInt(40 - scale));
}

/** Codes that depend on the books or on the market, and not on the item alone. */
const CODES_OF_RULES = [
  'id_reused',
  'already_rejected',
  'account_not_found',
  'account_exists',
  'insufficient_funds',
  'hold_not_found',
  'hold_in_use',
  'hold_exceeded',
  'order_not_found',
  'order_exists',
  'order_placed',
  'invalid_transition',
  'invalid_quantity',
  'invalid_price',
  'invalid_amount',
  'below_minimum',
  'trade_mismatch',
  'group_failed',
];

/** Counts the commands and codes of random batches, so that a generator that no longer reaches some of them is noticed. */
export class Tally {
  readonly #seen = new Map<string, number>();

  count({ items }: Batch, results: readonly ItemResult<unknown>[]): void {
    for (const result of results) {
      const item = items[result.index];
      const command =
        typeof item === 'object' && item !== null && 'command' in item ? String(item.command) : 'none';
      const name = result.status === 'rejected' ? result.error.code : `${command} ${result.status}`;
      this.#seen.set(name, (this.#seen.get(name) ?? 0) + 1);
    }
  }

  expectWide(): void {
    const wanted = [
      ...Object.keys(commands).flatMap((command) => [`${command} applied`, `${command} replayed`]),
      ...CODES_OF_RULES,
    ];
    const rare = wanted.filter((name) => (this.#seen.get(name) ?? 0) < 10);
    expect(rare, `seen: ${JSON.stringify(Object.fromEntries(this.#seen))}`).toEqual([]);
  }
}
