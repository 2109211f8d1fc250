import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Books, LoadedBooks } from '../../src/books/books.ts';
import { keyOf, type Account, type Hold, type Operation, type OrderRow } from '../../src/books/rows.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { decide } from '../../src/engine/decide.ts';
import { copyBatch, readerOf } from '../../src/engine/read.ts';
import type { ItemResult } from '../../src/results.ts';
import { numberOf } from '../model/decimals.ts';
import { money, plans, Sender, world, type Batch } from '../model/generate.ts';
import { Model } from '../model/model.ts';
import { expectSame, expectSameResults, printed, table, Tally, type ShownBooks } from '../model/compare.ts';
import { isLong } from '../support/books.ts';

/** The pure decision of the engine against the naive model: the same batches, the same outcome, the same books. */

const RUNS = isLong ? 1_000_000 : 2_000;
const NOW = Date.UTC(2026, 0, 1) * 1_000;

const catalog: Catalog = (() => {
  const currencies = new Map(Object.entries(world.scales).map(([code, scale]) => [code, { code, scale }]));
  const integer = (text: string, scale: number): bigint => numberOf(text)! / 10n ** BigInt(40 - scale);
  const markets = world.markets.map(
    ({ symbol, base, quote, tick, lot, minNotional, baseScale, quoteScale }) => {
      const priceScale = tick.split('.')[1]?.length ?? 0;
      const [baseCurrency, quoteCurrency] = [currencies.get(base)!, currencies.get(quote)!];
      return {
        symbol,
        base: baseCurrency,
        quote: quoteCurrency,
        tickSize: tick,
        lotSize: lot,
        priceScale,
        tick: integer(tick, priceScale),
        lot: integer(lot, baseScale),
        minNotional,
        leastValue: integer(minNotional, quoteScale),
        priceBand: null,
      };
    },
  );
  return { currencies, markets: new Map(markets.map((market) => [market.symbol, market])) };
})();

/** The tables of the books in memory, in place of PostgreSQL. */
class Tables implements LoadedBooks {
  readonly accounts = new Map<string, Account>();
  readonly holds = new Map<string, Hold>();
  readonly orders = new Map<string, OrderRow>();
  readonly operations = new Map<string, Operation>();

  run({ items, mode }: Batch, batchId: string): ItemResult<unknown>[] {
    const read = copyBatch(items, items.length, readerOf())(catalog);
    const { books, results } = decide(this, read, mode, batchId, NOW);
    this.#write(books);
    return results;
  }

  #write(books: Books): void {
    const journal = new Map<string, Account>();
    for (const { account, availableDelta, lockedDelta } of books.journal) {
      const key = keyOf(account.userId, account.currency);
      const before = journal.get(key) ?? this.accounts.get(key);
      assert.equal(account.version, (before?.version ?? 0) + 1);
      assert.equal(account.available, (before?.available ?? 0n) + availableDelta);
      assert.equal(account.locked, (before?.locked ?? 0n) + lockedDelta);
      journal.set(key, account);
    }
    for (const key of journal.keys()) assert.equal(books.accounts.changed.has(key), true);
    for (const [key, account] of books.accounts.changed) {
      const { available, locked, version } = account;
      const isOpened = version === 0 && !this.accounts.has(key);
      if (isOpened) assert.deepEqual([available, locked, journal.has(key)], [0n, 0n, false]);
      else assert.deepEqual(journal.get(key), account);
      this.accounts.set(key, account);
    }
    for (const [key, hold] of books.holds.changed) {
      if (hold.amount > 0n) this.holds.set(key, hold);
      else this.holds.delete(key);
    }
    for (const [key, order] of books.orders.changed) {
      assert.equal(order.version > (this.orders.get(key)?.version ?? 0), true);
      this.orders.set(key, order);
    }
    for (const [key, operation] of books.operations.changed) {
      assert.equal(this.operations.has(key), false);
      this.operations.set(key, operation);
    }
  }
}

function shown(tables: Tables): ShownBooks {
  return {
    accounts: table(tables.accounts, ({ available, locked, version, scale }) => [
      printed(available, scale),
      printed(locked, scale),
      version,
    ]),
    holds: table(tables.holds, ({ amount, scale, placed, expiresAt }) => [
      printed(amount, scale),
      placed,
      expiresAt,
    ]),
    orders: table(tables.orders, ({ status, filledQuantity, filledValue, market, placed, version }) => [
      status,
      printed(filledQuantity, market.base.scale),
      printed(filledValue, 36),
      placed,
      version,
    ]),
    operations: table(tables.operations, ({ type }) => [type]),
  };
}

function expectSound(tables: Tables): void {
  const sums = new Map<string, bigint>();
  const locked = new Map<string, bigint>();
  for (const { userId, currency, available, locked: held } of tables.accounts.values()) {
    assert.equal(held >= 0n, true);
    assert.equal(available >= 0n || userId === '@outside', true);
    sums.set(currency, (sums.get(currency) ?? 0n) + available + held);
    if (held > 0n) locked.set(`${userId} ${currency}`, held);
  }
  for (const sum of sums.values()) assert.equal(sum, 0n);
  const held = new Map<string, bigint>();
  for (const { userId, currency, amount } of tables.holds.values()) {
    const key = `${userId} ${currency}`;
    held.set(key, (held.get(key) ?? 0n) + amount);
  }
  assert.deepEqual(new Map([...held].sort()), new Map([...locked].sort()));
}

describe('a batch', () => {
  const tally = new Tally();

  it(`a batch has the outcome and leaves the books of the naive model, in ${RUNS} random sequences`, () => {
    fc.assert(
      fc.property(plans, (sequence) => {
        const model = new Model(world);
        const sender = new Sender(model);
        const tables = new Tables();
        const run = (batch: Batch, batchId: string): void => {
          const expected = model.run(batch.items, batch.mode);
          const results = tables.run(batch, batchId);
          expectSameResults(batch, results, expected);
          tally.count(batch, results);
          expectSound(tables);
        };
        run(money, 'money');
        for (const [n, plan] of sequence.entries()) run(sender.batchOf(plan), `batch-${n}`);
        expectSame(shown(tables), model.shown());
      }),
      { numRuns: RUNS },
    );
  }, 14_400_000);

  it('the random batches have tried every command and met every code that a rule can answer with', () => {
    tally.expectWide();
  });
});

describe('the decision', () => {
  it('the decision is pure: the same books, items and time give the same result, and the loaded books stay unchanged', () => {
    fc.assert(
      fc.property(plans, (sequence) => {
        const model = new Model(world);
        const sender = new Sender(model);
        const tables = new Tables();
        for (const batch of [money, ...sequence.slice(0, -1).map((plan) => sender.batchOf(plan))]) {
          model.run(batch.items, batch.mode);
          tables.run(batch, 'earlier');
        }
        const { items, mode } = sender.batchOf(sequence.at(-1)!);
        const read = copyBatch(items, items.length, readerOf())(catalog);
        const before = structuredClone({
          accounts: tables.accounts,
          holds: tables.holds,
          orders: tables.orders,
        });
        const [first, second] = [1, 2].map(() => decide(tables, read, mode, 'batch', NOW));
        expect(second!.results).toEqual(first!.results);
        expect(second!.books.journal).toEqual(first!.books.journal);
        expect({ accounts: tables.accounts, holds: tables.holds, orders: tables.orders }).toEqual(before);
      }),
      { numRuns: 200 },
    );
  });
});
