import { OUTSIDE } from '../../books/funds.ts';
import type { Config } from '../../config/load.ts';
import { Pincex } from '../../index.ts';
import { ACCOUNTS, CURRENCY, HISTORIED, HISTORY, lockItems, placeItems } from './accounts.ts';
import { applied } from './applied.ts';
import { drawFrom } from './draw.ts';
import { withClient } from '../../database/client.ts';

/** Inserts each account with the journal entry of its deposit, and the account of `@outside` that mirrors them. */
const insertAccounts = `
  WITH seeded AS (
    SELECT 'bench-' || lpad(n::text, 6, '0') AS user_id, '${CURRENCY}' AS currency, 1000000.00 AS available
    FROM generate_series(0, ${ACCOUNTS - 1}) AS n
    UNION ALL
    SELECT '${OUTSIDE}', '${CURRENCY}', -${ACCOUNTS} * 1000000.00
  ), inserted AS (
    INSERT INTO accounts (user_id, currency, available, version, created_at, updated_at)
    SELECT user_id, currency, available, 1, now(), now() FROM seeded
  ), operated AS (
    INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, batch_id, created_at)
    SELECT user_id, 'transaction', 'bench-seed', 'deposit', '', '{}', gen_random_uuid(), now() FROM seeded
    WHERE user_id <> '${OUTSIDE}'
  ), told AS (
    INSERT INTO transactions (user_id, id, type, status, currency, amount, created_at)
    SELECT user_id, 'bench-seed', 'deposit', 'completed', currency, available, now() FROM seeded
    WHERE user_id <> '${OUTSIDE}'
  )
  INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked,
    operation_id, operation_type, created_at)
  SELECT user_id, currency, 1, available, 0, available, 0, 'bench-seed', 'deposit', now() FROM seeded`;

/** Inserts an even number of locks and unlocks in turn, so that each account ends as it was. */
const insertHistory = `
  WITH entries AS (
    INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked,
      operation_id, operation_type, created_at)
    SELECT 'bench-' || lpad(n::text, 6, '0'), '${CURRENCY}', entry + 1, change, - change,
      1000000.00 - entry % 2, entry % 2, 'bench-history-' || entry, 'lockFunds', now()
    FROM generate_series(0, ${HISTORIED - 1}) AS n, generate_series(1, ${HISTORY}) AS entry,
      LATERAL (SELECT CASE entry % 2 WHEN 1 THEN -1.00 ELSE 1.00 END AS change) AS moved
    RETURNING user_id, operation_id, operation_type
  ), operated AS (
    INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, batch_id, created_at)
    SELECT user_id, 'funds', operation_id, operation_type, '', '{}', gen_random_uuid(), now() FROM entries
  )
  UPDATE accounts SET version = ${HISTORY + 1}
  WHERE user_id >= 'bench-' AND user_id < 'bench-${String(HISTORIED).padStart(6, '0')}'`;

const FIRST_ITEMS = 5_000;

/**
 * Creates the accounts for the measurements. A first batch of each kind runs before ANALYZE: with the statistics of an empty
 * table, every batch would later read the whole table, which is not to be measured.
 */
export async function seed(config: Config): Promise<void> {
  const url = config.database.url ?? '';
  await withClient(url, async (client) => {
    await client.query(insertAccounts);
    await client.query(insertHistory);
  });
  const pincex = await Pincex.open({ config });
  try {
    const draw = drawFrom(ACCOUNTS, 'uniform', 0);
    await applied(pincex.bookkeeper.batchLockFunds(lockItems(FIRST_ITEMS, draw)));
    await applied(pincex.trading.batchPlaceOrders(placeItems(FIRST_ITEMS, draw)));
  } finally {
    await pincex.close();
  }
  await withClient(url, (client) => client.query('VACUUM ANALYZE'));
}
