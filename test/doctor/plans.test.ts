import { describe, expect, it } from 'vitest';
import { commentHints } from '../../src/database/sql/hints.ts';
import { plans as plansCheck, strayScans, type Scan } from '../../src/doctor/plans.ts';
import { issuedStatements } from '../../src/doctor/statements.ts';
import { thresholds } from '../../src/doctor/thresholds.ts';
import { about, examine, follow, found, patient } from './support.ts';

describe('the plans of statements', () => {
  it('a statement whose index is gone is reported as hurting when its table is large', async () => {
    const { url, client } = await patient();
    await client.query(
      `INSERT INTO trades SELECT n::text, n::text, 'buy', n::text, 'BTC/USD', 1, 1, 1, 0, 'maker', now()
       FROM generate_series(1, 2000) n;
       ANALYZE trades;
       DROP INDEX trades_order;
       ALTER TABLE holds DROP CONSTRAINT holds_pkey;`,
    );
    const report = await examine(url);
    // The table `holds` is empty, so a scan of it harms nobody.
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

  it('a statement whose index is gone is not reported while its table is small', async () => {
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

  it('a scan of a whole index or table is stray, and a scan by a condition or by ctid is not', () => {
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

  it('a statement that reads all rows of a user for each key is reported as hurting', async () => {
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

  it("a statement that cannot be planned is reported as hurting, with PostgreSQL's own reason", async () => {
    const { url, client } = await patient();
    await client.query('ALTER TABLE trades RENAME COLUMN liquidity TO makes');
    const report = await examine(url);
    expect(about(report, 'statement get-trades-by-orders').message).toBe(
      'cannot be planned: column t.liquidity does not exist',
    );
    expect(report.ok).toBe(false);
  });

  it('if pg_hint_plan is loaded, statements are planned with the comment hints that batches send', async () => {
    const { client } = await patient();
    const sent: string[] = [];
    const ask = client.query.bind(client) as (text: string) => Promise<unknown>;
    client.query = ((text: string) => {
      sent.push(text);
      // A server with pg_hint_plan answers like this.
      return text.includes('pg_hint_plan') ? Promise.resolve({ rowCount: 1 }) : ask(text);
    }) as typeof client.query;
    const looked = {
      client,
      queryHints: true,
      readUrl: null,
      idempotencyRoom: 0,
      processes: () => Promise.resolve([]),
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

  it('statements are planned as the pool plans them, with query hints and without', async () => {
    const { url, client } = await patient();
    await client.query(
      `INSERT INTO trades SELECT 'u', n::text, 'buy', 'o', 'BTC/USD', 1, 1, 1, 0, 'maker', now()
       FROM generate_series(1, 2000) n;
       ANALYZE trades`,
    );
    expect(found(await examine(url, { queryHints: true }), 'plans')).toEqual([]);
    // All trades belong to one order, so without hints PostgreSQL would scan the whole table.
    expect(found(await examine(url, { queryHints: false }), 'plans')).toEqual([
      'hurts statement get-trades-by-orders',
      'hurts statement count-trades-of-orders',
    ]);
  });
});
