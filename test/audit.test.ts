import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import pg from 'pg';
import { checks } from '../src/audit/checks.ts';
import { NAMED_FINDINGS } from '../src/audit/audit.ts';
import type { AuditReport, Pincex } from '../src/index.ts';
import { expectApplied, isLong, openBooks } from './support/books.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { pincexCli } from './support/commandLine.ts';

/** The audit finds each corruption of the tables, and names the row. */

let database: TestDatabase;
let pincex: Pincex;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  pincex = await openBooks(database.url);
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const order = { symbol: 'BTC/USD', type: 'limit', quantity: '2', price: '10' } as const;
  const whole = { symbol: 'BTC/USDT', type: 'limit', quantity: '0.1', price: '10' } as const;
  expectApplied(
    await pincex.execute([
      { command: 'deposit', id: 'd', userId: 'ann', currency: 'USD', amount: '100' },
      { command: 'deposit', id: 'd', userId: 'bob', currency: 'BTC', amount: '5' },
      { command: 'deposit', id: 'd', userId: 'cai', currency: 'EUR', amount: '7' },
      { command: 'lockFunds', id: 'l', userId: 'ann', currency: 'USD', amount: '5', orderId: 'free' },
      { command: 'createAccount', id: 'a', userId: 'eve', currency: 'USD' },
      { command: 'placeOrder', id: 'buy', userId: 'ann', side: 'buy', ...order },
      { command: 'placeOrder', id: 'sell', userId: 'bob', side: 'sell', ...order },
      {
        ...order,
        command: 'placeOrder',
        id: 'mkt',
        userId: 'ann',
        side: 'buy',
        type: 'market',
        holdAmount: '8',
        price: null,
      },
      { command: 'placeOrder', id: 'gone', userId: 'ann', side: 'buy', ...order },
      { command: 'cancelOrder', id: 'c', userId: 'ann', orderId: 'gone' },
      { command: 'createOrder', id: 'own', userId: 'ann', side: 'buy', ...order },
      { command: 'cancelOrder', id: 'co', userId: 'ann', orderId: 'own' },
      { command: 'deposit', id: 'd', userId: 'fay', currency: 'USDT', amount: '7' },
      { command: 'withdraw', id: 'w', userId: 'fay', currency: 'USDT', amount: '2' },
      { command: 'transfer', id: 'p', userId: 'fay', currency: 'USDT', amount: '1', toUserId: 'dee' },
      { command: 'transfer', id: 'p', userId: 'dee', currency: 'USDT', amount: '0.5', toUserId: 'fay' },
      {
        command: 'settleTrade',
        id: 't',
        symbol: 'BTC/USD',
        price: '10',
        quantity: '0.5',
        buyUserId: 'ann',
        buyOrderId: 'buy',
        sellUserId: 'bob',
        sellOrderId: 'sell',
        takerSide: 'sell',
        buyFee: '0.01',
      },
      { command: 'lockFunds', id: 'f1', userId: '@fees', currency: 'BTC', amount: '0.004', orderId: 'free' },
      { command: 'lockFunds', id: 'f2', userId: '@fees', currency: 'BTC', amount: '0.003', orderId: 'free' },
      { command: 'transfer', id: 'p', userId: '@fees', currency: 'BTC', amount: '0.001', toUserId: 'hal' },
      { command: 'transfer', id: 'p', userId: 'hal', currency: 'BTC', amount: '0.001', toUserId: '@fees' },
      { command: 'deposit', id: 'd', userId: 'gil', currency: 'USDT', amount: '2' },
      { command: 'deposit', id: 'd', userId: 'hal', currency: 'BTC', amount: '0.1' },
      { ...whole, command: 'placeOrder', id: 'all', userId: 'gil', side: 'buy' },
      { ...whole, command: 'createOrder', id: 'all', userId: 'hal', side: 'sell' },
      { command: 'lockFunds', id: 'l', userId: 'hal', currency: 'BTC', amount: '0.1', orderId: 'all' },
      {
        command: 'settleTrade',
        id: 'ta',
        symbol: 'BTC/USDT',
        price: '10',
        quantity: '0.1',
        buyUserId: 'gil',
        buyOrderId: 'all',
        sellUserId: 'hal',
        sellOrderId: 'all',
        takerSide: 'buy',
        sellFee: '0.01',
      },
      { command: 'deposit', id: 'd', userId: '@fees', currency: 'BTC', amount: '0.1' },
      { ...whole, command: 'placeOrder', id: 'own', userId: '@fees', side: 'sell' },
      { ...whole, command: 'placeOrder', id: 'more', userId: 'gil', side: 'buy' },
      {
        command: 'settleTrade',
        id: 'tf',
        symbol: 'BTC/USDT',
        price: '10',
        quantity: '0.1',
        buyUserId: 'gil',
        buyOrderId: 'more',
        sellUserId: '@fees',
        sellOrderId: 'own',
        takerSide: 'buy',
        sellFee: '0.01',
      },
    ]),
  );
  const refused = { ...order, id: 'no', userId: 'eve', side: 'buy', recordRejection: true } as const;
  expect((await pincex.trading.placeOrder(refused)).status).toBe('rejected');
});
afterAll(async () => {
  await client.end();
  await pincex.close();
  await database.drop();
});

/** The report of the audit after `sql`, which is undone afterwards. */
async function auditAfter(sql: string): Promise<AuditReport> {
  const copies = ['accounts', 'journal', 'holds', 'orders', 'trades', 'operations', 'transactions'];
  await client.query('CREATE SCHEMA IF NOT EXISTS kept');
  for (const name of copies) {
    await client.query(`DROP TABLE IF EXISTS kept.${name}; CREATE TABLE kept.${name} AS TABLE ${name}`);
  }
  try {
    await client.query(sql);
    return await pincex.audit();
  } finally {
    for (const name of copies) {
      const { rows } = await client.query<{ column: string }>(
        `SELECT string_agg(quote_ident(attname), ', ') AS column FROM pg_attribute
         WHERE attrelid = $1::regclass AND attnum > 0 AND attgenerated = ''`,
        [`public.${name}`],
      );
      const columns = rows[0]!.column;
      await client.query(
        `TRUNCATE ${name}; INSERT INTO ${name} (${columns}) SELECT ${columns} FROM kept.${name}`,
      );
    }
  }
}

it('the audit of sound books has no findings and counts their accounts and journal entries', async () => {
  const report = await pincex.audit();
  expect(report).toMatchObject({ ok: true, findings: [], openHolds: 5 });
  expect(report.checks.map(({ name, findings }) => [name, findings])).toEqual(
    checks.map(({ name }) => [name, 0]),
  );
  const [counts] = (
    await client.query<{ accounts: number; journal: number }>(
      'SELECT (SELECT count(*)::int FROM accounts) AS accounts, (SELECT count(*)::int FROM journal) AS journal',
    )
  ).rows;
  expect([report.accounts, report.journalEntries]).toEqual([counts!.accounts, counts!.journal]);
});

const ANN = `user_id = 'ann' AND currency = 'USD'`;

/** The corruption, its SQL, and every check that has to find it, with the row that it names. */
const CORRUPTIONS: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  [
    'a journal entry in the middle is missing',
    `DELETE FROM journal WHERE ${ANN} AND version = 3`,
    {
      holds_replay: 'hold ann buy USD',
      journal_chain: 'journal ann USD 4',
      journal_has_operations: 'operation ann buy',
    },
  ],
  [
    'the first journal entry is missing',
    `DELETE FROM journal WHERE ${ANN} AND version = 1`,
    {
      journal_chain: 'journal ann USD 2',
      journal_has_operations: 'operation ann d',
      what_moved_is_told: 'journal ann USD',
    },
  ],
  [
    'the last journal entry is missing',
    `DELETE FROM journal WHERE ${ANN} AND version = (SELECT max(version) FROM journal WHERE ${ANN})`,
    {
      accounts_replay: 'account ann USD',
      holds_replay: 'hold ann buy USD',
      what_moved_is_told: 'journal ann USD',
    },
  ],
  [
    'a journal entry has another amount than it moved',
    `UPDATE journal SET available_delta = available_delta + 1 WHERE ${ANN} AND version = 2`,
    { journal_chain: 'journal ann USD 2', what_moved_is_told: 'journal ann USD' },
  ],
  [
    'a journal entry has another balance',
    `UPDATE journal SET locked = locked + 0.01 WHERE user_id = 'bob' AND currency = 'BTC' AND version = 1`,
    { journal_chain: 'journal bob BTC 1, journal bob BTC 2' },
  ],
  [
    'money was moved between two accounts without journal entries',
    `UPDATE accounts SET available = available + CASE user_id WHEN 'ann' THEN 1 ELSE -1 END
     WHERE currency = 'USD' AND user_id IN ('ann', '@outside')`,
    { accounts_replay: 'account @outside USD, account ann USD' },
  ],
  [
    'money was created from nothing with a fitting journal',
    `UPDATE accounts SET available = available + 1 WHERE user_id = 'cai';
     UPDATE journal SET available = available + 1, available_delta = available_delta + 1 WHERE user_id = 'cai'`,
    { sum_is_zero: 'currency EUR', what_moved_is_told: 'journal cai EUR' },
  ],
  [
    'the version of an account was changed',
    `UPDATE accounts SET version = version + 1 WHERE user_id = 'cai'`,
    { accounts_replay: 'account cai EUR' },
  ],
  [
    'an account is missing and its journal is there',
    `DELETE FROM accounts WHERE user_id = 'cai'; UPDATE accounts SET available = 0 WHERE user_id = '@outside' AND currency = 'EUR'`,
    { accounts_replay: 'account @outside EUR, journal cai EUR' },
  ],
  [
    'the whole journal of an account that moved is missing',
    `DELETE FROM journal WHERE user_id = 'cai'`,
    {
      accounts_replay: 'account cai EUR',
      journal_has_operations: 'operation cai d',
      what_moved_is_told: 'journal cai EUR',
    },
  ],
  [
    'an account that moved has the version of a new one',
    `UPDATE accounts SET version = 0 WHERE user_id = 'cai'`,
    { accounts_replay: 'account cai EUR' },
  ],
  [
    'a new account has the version of one that moved',
    `UPDATE accounts SET version = 1 WHERE user_id = 'eve'`,
    { accounts_replay: 'account eve USD' },
  ],
  [
    'a new account has money',
    `UPDATE accounts SET available = available + CASE user_id WHEN 'eve' THEN 1 ELSE -1 END
     WHERE currency = 'USD' AND user_id IN ('eve', '@outside')`,
    { accounts_replay: 'account @outside USD, account eve USD' },
  ],
  [
    'a new account has locked funds',
    `UPDATE accounts SET locked = 1 WHERE user_id = 'eve';
     INSERT INTO holds VALUES ('eve', 'o', 'USD', 1, false, null, now())`,
    { accounts_replay: 'account eve USD', holds_replay: 'hold eve o USD', sum_is_zero: 'currency USD' },
  ],
  [
    'a hold is missing',
    `DELETE FROM holds WHERE user_id = 'ann' AND order_id = 'free'`,
    { holds_replay: 'hold ann free USD', locked_is_held: 'account ann USD' },
  ],
  [
    'a hold belongs to a user without an account',
    `INSERT INTO holds VALUES ('nobody', 'o', 'USD', 1, false, null, now())`,
    { holds_replay: 'hold nobody o USD', locked_is_held: 'account nobody USD' },
  ],
  [
    'the amounts of two holds were mixed up',
    `UPDATE holds SET amount = amount + CASE order_id WHEN 'buy' THEN 1 ELSE -1 END WHERE user_id = 'ann' AND order_id IN ('buy', 'free')`,
    { holds_match_orders: 'hold ann buy USD', holds_replay: 'hold ann buy USD, hold ann free USD' },
  ],
  [
    'a market order holds more than it may spend',
    `UPDATE holds SET amount = amount + CASE order_id WHEN 'mkt' THEN 1 ELSE -1 END WHERE user_id = 'ann' AND order_id IN ('mkt', 'free')`,
    { holds_match_orders: 'hold ann mkt USD', holds_replay: 'hold ann free USD, hold ann mkt USD' },
  ],
  [
    'a hold was moved to another order',
    `UPDATE holds SET order_id = 'other' WHERE user_id = 'ann' AND order_id = 'free'`,
    { holds_replay: 'hold ann free USD, hold ann other USD' },
  ],
  [
    'a placed order and its hold are marked as not placed',
    `UPDATE orders SET placed = false WHERE id = 'sell'; UPDATE holds SET placed = false WHERE order_id = 'sell'`,
    { orders_have_operations: 'order bob sell' },
  ],
  [
    'a created order is marked as placed',
    `UPDATE orders SET placed = true WHERE user_id = 'ann' AND id = 'own'`,
    { orders_have_operations: 'order ann own' },
  ],
  [
    'a filled order is missing',
    `DELETE FROM orders WHERE user_id = 'gil' AND id = 'all'`,
    { fills_are_trades: 'order gil all', orders_have_operations: 'order gil all' },
  ],
  [
    'a filled order that was not placed is missing',
    `DELETE FROM orders WHERE user_id = 'hal'`,
    { fills_are_trades: 'order hal all', orders_have_operations: 'order hal all' },
  ],
  [
    'an order that never traded is missing',
    `DELETE FROM orders WHERE user_id = 'ann' AND id = 'own'`,
    { orders_have_operations: 'order ann own' },
  ],
  [
    'an order and its operation are missing',
    `DELETE FROM orders WHERE user_id = 'hal'; DELETE FROM operations WHERE user_id = 'hal' AND id = 'all'`,
    { fills_are_trades: 'order hal all' },
  ],
  [
    'the operation of a created order is missing',
    `DELETE FROM operations WHERE user_id = 'ann' AND id = 'own'`,
    { orders_have_operations: 'order ann own' },
  ],
  [
    'a filled order has the other side',
    `UPDATE orders SET side = 'buy' WHERE user_id = 'hal'`,
    { fills_are_trades: 'order hal all' },
  ],
  [
    'a filled order has another market',
    `UPDATE orders SET symbol = 'BTC/USD' WHERE user_id = 'hal'`,
    { fills_are_trades: 'order hal all' },
  ],
  [
    'a filled order has the status cancelled',
    `UPDATE orders SET status = 'cancelled' WHERE user_id = 'gil' AND id = 'all'`,
    { fills_are_trades: 'order gil all' },
  ],
  [
    'a filled order has a larger quantity than its fills',
    `UPDATE orders SET quantity = quantity + 1 WHERE user_id = 'gil' AND id = 'all'`,
    { fills_are_trades: 'order gil all' },
  ],
  [
    'an order was cancelled without its hold',
    `UPDATE orders SET status = 'cancelled' WHERE id = 'sell'`,
    { holds_match_orders: 'hold bob sell BTC' },
  ],
  [
    'an order was reopened without a hold',
    `UPDATE orders SET status = 'open' WHERE id = 'gone'`,
    { holds_match_orders: 'hold ann gone USD' },
  ],
  [
    'a hold of a placed order is marked as not placed',
    `UPDATE holds SET placed = false WHERE order_id = 'sell'`,
    { holds_match_orders: 'hold bob sell BTC' },
  ],
  [
    'one side of a trade is missing',
    `DELETE FROM trades WHERE id = 't' AND side = 'buy'`,
    {
      fills_are_paid: 'order ann buy',
      fills_are_trades: 'order ann buy',
      what_moved_is_told: 'journal @fees BTC, journal ann BTC, journal ann USD',
    },
  ],
  [
    'a trade has another quantity',
    `UPDATE trades SET quantity = 0.4 WHERE id = 't' AND side = 'sell'`,
    {
      fills_are_paid: 'order bob sell',
      fills_are_trades: 'order bob sell',
      what_moved_is_told: 'journal bob BTC',
    },
  ],
  [
    'a trade has another price',
    `UPDATE trades SET price = price + 0.01 WHERE id = 't' AND side = 'sell'`,
    { fills_are_paid: 'order bob sell' },
  ],
  [
    'a buy paid a unit less than its fills are worth',
    `UPDATE trades SET quote_amount = quote_amount - 0.01 WHERE id = 't' AND side = 'buy'`,
    { fills_are_paid: 'order ann buy', what_moved_is_told: 'journal ann USD' },
  ],
  [
    'a buy paid a unit more than its fills are worth',
    `UPDATE trades SET quote_amount = quote_amount + 0.01 WHERE id = 't' AND side = 'buy'`,
    { fills_are_paid: 'order ann buy', what_moved_is_told: 'journal ann USD' },
  ],
  [
    'an order has another value of its fills',
    `UPDATE orders SET filled_value = filled_value + 1 WHERE id = 'sell'`,
    { fills_are_paid: 'order bob sell' },
  ],
  [
    'an unfilled order that ended has a filled quantity',
    `UPDATE orders SET filled_quantity = 1 WHERE id = 'gone'`,
    { fills_are_trades: 'order ann gone' },
  ],
  [
    'the operation of a lock is missing',
    `DELETE FROM operations WHERE user_id = 'ann' AND id = 'l'`,
    { journal_has_operations: 'operation ann l' },
  ],
  [
    'the operation of a lock of @fees is missing',
    `DELETE FROM operations WHERE user_id = '@fees' AND id = 'f1'`,
    { journal_has_operations: 'operation @fees f1' },
  ],
  [
    'the operation of a transfer from @fees is missing',
    `DELETE FROM operations WHERE user_id = '@fees' AND id = 'p'`,
    { journal_has_operations: 'operation @fees p' },
  ],
  [
    'the operation of a trade of @fees is missing',
    `DELETE FROM operations WHERE user_id = '@fees' AND id = 'tf'`,
    { journal_has_operations: 'operation @fees tf' },
  ],
  [
    'the same lock of @fees was applied twice',
    `DELETE FROM operations WHERE user_id = '@fees' AND id = 'f2';
     UPDATE journal SET operation_id = 'f1' WHERE user_id = '@fees' AND operation_id = 'f2'`,
    { journal_has_operations: 'operation @fees f1' },
  ],
  [
    'an operation has another kind than its type, so that its id is free again',
    `UPDATE operations SET kind = 'order' WHERE user_id = 'ann' AND id = 'l'`,
    { kinds_follow_types: 'operation ann l' },
  ],
  [
    'an operation has an unknown type',
    `UPDATE operations SET type = 'nothing' WHERE user_id = 'eve' AND id = 'a'`,
    { journal_has_operations: 'operation eve a', kinds_follow_types: 'operation eve a' },
  ],
  [
    'the operation of a trade is missing for one side',
    `DELETE FROM operations WHERE user_id = 'bob' AND id = 't'`,
    { journal_has_operations: 'operation bob t' },
  ],
  [
    'the operation of a transfer is missing',
    `DELETE FROM operations WHERE user_id = 'dee' AND id = 'p'`,
    { journal_has_operations: 'operation dee p' },
  ],
  [
    'one operation has moved its money twice and another has moved none',
    `UPDATE journal SET operation_id = 'l', operation_type = 'lockFunds' WHERE user_id = 'ann' AND operation_id = 'c'`,
    { journal_has_operations: 'operation ann c, operation ann l' },
  ],
  [
    'an operation has another type than its journal entry',
    `UPDATE operations SET type = 'unlockFunds' WHERE user_id = 'ann' AND id = 'l'`,
    { journal_has_operations: 'operation ann l, operation ann l' },
  ],
  [
    'a transaction is missing',
    `DELETE FROM transactions WHERE user_id = 'fay' AND id = 'w'`,
    { what_moved_is_told: 'journal @outside USDT, journal fay USDT' },
  ],
  [
    'a transaction has another amount',
    `UPDATE transactions SET amount = amount + 0.01 WHERE user_id = 'fay' AND id = 'w'`,
    { what_moved_is_told: 'journal @outside USDT, journal fay USDT' },
  ],
  [
    'a withdrawal is marked as a deposit',
    `UPDATE transactions SET type = 'deposit' WHERE user_id = 'fay' AND id = 'w'`,
    {
      what_moved_is_told: 'journal @outside USDT, journal @outside USDT, journal fay USDT, journal fay USDT',
    },
  ],
  [
    'a transaction has another payee',
    `UPDATE transactions SET to_user_id = 'ann' WHERE user_id = 'fay' AND id = 'p'`,
    { what_moved_is_told: 'journal ann USDT, journal dee USDT' },
  ],
  [
    'a trade has no fee although one was taken',
    `UPDATE trades SET fee = 0 WHERE id = 't' AND side = 'buy'`,
    { what_moved_is_told: 'journal @fees BTC, journal ann BTC' },
  ],
  [
    'a lock created money, with fitting later entries and balances',
    `UPDATE journal SET available_delta = available_delta + 1 WHERE user_id = 'ann' AND operation_id = 'l';
     UPDATE journal SET available = available + 1 WHERE ${ANN} AND version > 1;
     UPDATE accounts SET available = available + CASE user_id WHEN 'ann' THEN 1 ELSE 0 END WHERE currency = 'USD'`,
    { sum_is_zero: 'currency USD', what_moved_is_told: 'journal ann USD' },
  ],
  [
    'all tables were emptied',
    `TRUNCATE accounts, journal, holds, orders, trades, operations, transactions`,
    {
      books_are_there:
        'account @outside BTC, account @outside EUR, account @outside USD, account @outside USDT',
    },
  ],
  [
    'the books were emptied and begun anew',
    `UPDATE accounts SET created_at = created_at + interval '1 day' WHERE user_id = '@outside' AND currency = 'EUR'`,
    { books_are_there: 'account @outside EUR' },
  ],
];

describe('the audit of corrupted tables', () => {
  it.each(CORRUPTIONS)('the audit finds that %s', async (_, sql, expected) => {
    const { ok, findings } = await auditAfter(sql);
    const named: Record<string, string> = {};
    for (const { check, subject, problem } of findings) {
      named[check] = [...(named[check]?.split(', ') ?? []), subject].sort().join(', ');
      expect(problem).not.toBe('');
    }
    expect(named).toEqual(expected);
    expect(ok).toBe(false);
  });

  it('every check of the audit finds one of the corruptions', () => {
    const noticed = new Set(CORRUPTIONS.flatMap(([, , expected]) => Object.keys(expected)));
    expect([...noticed].sort()).toEqual(checks.map(({ name }) => name).sort());
  });

  it.each(['TRUNCATE beginnings', 'DELETE FROM beginnings', 'UPDATE beginnings SET began_at = now()'])(
    'the mark that books have begun cannot be changed: %s',
    async (sql) => {
      await expect(client.query(sql)).rejects.toThrow('beginnings is append-only');
    },
  );

  it('the audit counts thousands of findings and names the first of them', async () => {
    const { findings, checks: summaries } = await auditAfter(
      `INSERT INTO holds SELECT 'ghost' || n, 'o', 'USD', 1, false, null, now() FROM generate_series(1, 2500) AS n`,
    );
    expect(summaries.find(({ name }) => name === 'locked_is_held')!.findings).toBe(2_500);
    expect(findings.filter(({ check }) => check === 'locked_is_held')).toHaveLength(NAMED_FINDINGS);
  });

  it('the audit has no findings after the corruptions were undone', async () => {
    expect((await pincex.audit()).ok).toBe(true);
  });
});

it('books that are older than the migration of beginnings get their marks from it', async () => {
  const file = (way: string) =>
    readFile(new URL(`../migrations/postgres/015_beginnings.${way}.sql`, import.meta.url), 'utf8');
  const marks = async () =>
    (await client.query<object>('SELECT currency, began_at FROM beginnings ORDER BY currency')).rows;
  const before = await marks();
  expect(before).toHaveLength(4);
  await client.query(await file('down'));
  await client.query(await file('up'));
  expect(await marks()).toEqual(before);
  expect((await pincex.audit()).ok).toBe(true);
});

it('"pincex audit" exits with 0 for sound books, and otherwise with 1 and the rows, as text and as JSON', async () => {
  const other = await createTestDatabase();
  const env = { DATABASE_URL: other.url };
  const writer = await openBooks(other.url);
  try {
    await writer.bookkeeper.deposit({ id: 'd', userId: 'dan', currency: 'USD', amount: '1' });
    const fine = await pincexCli(['audit', '--json'], { env });
    expect(fine).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(fine.stdout.trim().split('\n').at(-1)!)).toMatchObject({ ok: true, journalEntries: 2 });

    const broken = new pg.Client({ connectionString: other.url });
    await broken.connect();
    await broken.query(`UPDATE accounts SET available = 2 WHERE user_id = 'dan'`);
    await broken.end();
    const json = await pincexCli(['audit', '--json'], { env });
    expect(json.exitCode).toBe(1);
    const report = JSON.parse(json.stdout.trim().split('\n').at(-1)!) as AuditReport;
    expect(report.ok).toBe(false);
    expect(report.findings.map(({ subject }) => subject)).toContain('account dan USD');
    const text = await pincexCli(['audit'], { env });
    expect(text.exitCode).toBe(1);
    expect(text.stdout).toContain('BROKEN');
    expect(text.stdout).toContain('account dan USD');
  } finally {
    await writer.close();
    await other.drop();
  }
});

it('the audit of a long journal takes bounded memory', async () => {
  const rows = isLong ? 10_000_000 : 200_000;
  const perAccount = 100;
  const big = await createTestDatabase();
  const books = await openBooks(big.url);
  const seed = new pg.Client({ connectionString: big.url });
  await seed.connect();
  try {
    // Each entry adds 1 to its account, and @outside mirrors all of them.
    await seed.query(
      `INSERT INTO journal
         SELECT 'user-' || a, 'USD', v, 1, 0, v, 0, 'seed-' || v, 'deposit', null, now()
         FROM generate_series(1, $1::int) AS a, generate_series(1, $2::int) AS v`,
      [rows / perAccount, perAccount],
    );
    await seed.query(
      `INSERT INTO journal
         SELECT '@outside', 'USD', v, -$1::numeric, 0, -$1 * v, 0, 'seed-' || v, 'deposit', null, now()
         FROM generate_series(1, $2::int) AS v`,
      [rows / perAccount, perAccount],
    );
    await seed.query(
      `INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, batch_id, created_at)
         SELECT user_id, 'transaction', operation_id, 'deposit', '', '{}', gen_random_uuid(), now() FROM journal WHERE user_id <> '@outside'`,
    );
    await seed.query(
      `INSERT INTO transactions
         SELECT user_id, operation_id, 'deposit', 'completed', currency, 1, null, null, now()
         FROM journal WHERE user_id <> '@outside'`,
    );
    await seed.query(
      `INSERT INTO accounts (user_id, currency, available, version, created_at, updated_at)
         SELECT user_id, currency, (array_agg(available ORDER BY version DESC))[1], max(version), now(), now()
         FROM journal GROUP BY user_id, currency`,
    );
    await seed.query('ANALYZE');
    await books.audit();
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 20);
    const report = await books.audit();
    clearInterval(watch);
    expect(report).toMatchObject({ ok: true, journalEntries: rows + perAccount });
    // 200,000 rows of a journal are 40 MB as JavaScript objects, ten million 2 GB.
    expect(most - before).toBeLessThan(30 * 1024 * 1024);
  } finally {
    await seed.end();
    await books.close();
    await big.drop();
  }
}, 1_800_000);
