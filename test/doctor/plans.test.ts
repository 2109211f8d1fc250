import { describe, expect, it } from 'vitest';
import { commentHints } from '../../src/database/hints.ts';
import { plans as plansCheck, strayScans, type Scan } from '../../src/doctor/plans.ts';
import { issuedStatements } from '../../src/doctor/statements.ts';
import { thresholds } from '../../src/doctor/thresholds.ts';
import { about, examine, follow, found, patient } from './support.ts';

describe('a statement whose index is gone', () => {
  it('hurts where its table is large, by the index that it takes instead or by none', async () => {
    const { url, client } = await patient();
    await client.query(
      `INSERT INTO trades SELECT n::text, n::text, 'buy', n::text, 'BTC/USD', 1, 1, 1, 0, 'maker', now()
       FROM generate_series(1, 2000) n;
       ANALYZE trades;
       DROP INDEX trades_order;
       ALTER TABLE holds DROP CONSTRAINT holds_pkey;`,
    );
    const report = await examine(url);
    // No hold is there, so nobody suffers from how they are read.
    expect(found(report, 'plans')).toEqual([
      'hurts statement get-trades-by-orders',
      'hurts statement count-trades-of-orders',
    ]);
    const { message, remedy } = about(report, 'statement get-trades-by-orders');
    expect(message).toMatch(
      /^reads trades (whole|by \w+(, whole)?), which has about 2,000 rows; .* use trades_order or orders_pkey$/,
    );
    expect(remedy).toContain('trades_order');
    await follow(client, about(report, 'index trades_order'));
    await follow(client, about(report, 'index holds_pkey'));
    expect((await examine(url)).findings).toEqual([]);
  });

  it('hurts nobody where its table is small', async () => {
    const { url, client } = await patient();
    await client.query(
      `INSERT INTO trades SELECT n::text, n::text, 'buy', n::text, 'BTC/USD', 1, 1, 1, 0, 'maker', now()
       FROM generate_series(1, 1000) n;
       ANALYZE trades;
       DROP INDEX trades_order`,
    );
    const few = await examine(url);
    expect(found(few, 'indexes_there')).toEqual(['hurts index trades_order']);
    expect(found(few, 'plans')).toEqual([]);
  });

  it('or that reads all of the right one hurts, and one that goes to a place does not', () => {
    const statement = { name: 's', text: '', by: ['trades_order'] };
    const stray = (scan: Omit<Scan, 'table'>) =>
      strayScans(statement, [{ table: 'trades', ...scan }], new Map([['trades', 2_000]]), 1_000);
    const byIndex = { node: 'Index Scan', index: 'trades_order' };
    expect(stray({ ...byIndex, condition: '(order_id = k.order_id)' })).toEqual([]);
    expect(stray({ ...byIndex, condition: undefined })[0]!.message).toContain('by trades_order, whole');
    expect(stray({ node: 'Tid Scan', index: undefined, condition: '(ctid = k.place)' })).toEqual([]);
    expect(stray({ node: 'Seq Scan', index: undefined, condition: undefined })[0]!.message).toContain(
      'whole',
    );
  });

  it('hurts where it would read all orders of a user for each key', async () => {
    const { url, client } = await patient();
    await client.query(
      `INSERT INTO accounts (user_id, currency, available, version, created_at, updated_at)
       SELECT n::text, 'USD', 1, 1, now(), now() FROM generate_series(1, 2000) n;
       ANALYZE accounts;
       ALTER TABLE accounts DROP CONSTRAINT accounts_pkey;
       CREATE INDEX mine ON accounts (user_id)`,
    );
    const findings = found(await examine(url), 'plans');
    for (const name of ['get-accounts', 'lock-accounts'])
      expect(findings).toContain(`hurts statement ${name}`);
  });

  it('and one that cannot be planned hurts, with PostgreSQL’s own reason', async () => {
    const { url, client } = await patient();
    await client.query('ALTER TABLE trades RENAME COLUMN liquidity TO makes');
    const report = await examine(url);
    expect(about(report, 'statement get-trades-by-orders').message).toBe(
      'cannot be planned: column t.liquidity does not exist',
    );
    expect(report.ok).toBe(false);
  });

  it('is planned with the hints that are sent where pg_hint_plan listens', async () => {
    const { client } = await patient();
    const sent: string[] = [];
    const ask = client.query.bind(client) as (text: string) => Promise<unknown>;
    client.query = ((text: string) => {
      sent.push(text);
      // As a server answers that has it.
      return text.includes('pg_hint_plan') ? Promise.resolve({ rowCount: 1 }) : ask(text);
    }) as typeof client.query;
    const looked = {
      client,
      queryHints: true,
      readUrl: null,
      idempotencyRoom: 0,
      now: new Date(),
      thresholds,
    };
    expect(await plansCheck.run(looked)).toEqual([]);
    const prepared = sent.filter((text) => text.startsWith('PREPARE'));
    expect(prepared).toEqual(
      issuedStatements.map((statement) => `PREPARE pincex_doctor AS ${commentHints.textOf(statement)}`),
    );
    expect(prepared.filter((text) => text.includes(' AS /*+ ')).length).toBeGreaterThan(10);
    expect(sent.filter((text) => text.startsWith('SET enable_'))).toEqual([]);
  });

  it('is planned as the pool plans it, with hints and without', async () => {
    const { url, client } = await patient();
    await client.query(
      `INSERT INTO trades SELECT 'u', n::text, 'buy', 'o', 'BTC/USD', 1, 1, 1, 0, 'maker', now()
       FROM generate_series(1, 2000) n;
       ANALYZE trades`,
    );
    expect(found(await examine(url, { queryHints: true }), 'plans')).toEqual([]);
    // All trades are of one order, so without the hints a scan of the table is what PostgreSQL would take.
    expect(found(await examine(url, { queryHints: false }), 'plans')).toEqual([
      'hurts statement get-trades-by-orders',
      'hurts statement count-trades-of-orders',
    ]);
  });
});
