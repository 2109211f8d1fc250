import { textArray } from '../database/arrays.ts';
import type { Session } from '../database/database.ts';
import { isoTime } from '../database/time.ts';
import { trimDecimal } from '../money/amount.ts';
import { askable, requireCount, requireKeys } from './keys.ts';

/** An account as callers see it. Amounts are decimal strings. */
export interface AccountView {
  readonly userId: string;
  readonly currency: string;
  /** What can be spent. */
  readonly available: string;
  /** What open holds have. */
  readonly locked: string;
  /** `available` and `locked` together. */
  readonly balance: string;
  /** Counts the movements of the account. */
  readonly version: number;
  /** ISO 8601 in UTC. */
  readonly updatedAt: string;
}

const getAccounts = {
  name: 'get-accounts',
  hints: ['IndexScan(a accounts_pkey)'],
  text: `
    SELECT u.n AS user_n, c.n AS currency_n, a.available, a.locked, a.balance, a.version, a.updated_at
    FROM unnest($1::text[]) WITH ORDINALITY AS u (user_id, n)
    CROSS JOIN unnest($2::text[]) WITH ORDINALITY AS c (currency, n)
    CROSS JOIN LATERAL (
      SELECT * FROM accounts a WHERE a.user_id = u.user_id AND a.currency = c.currency OFFSET 0
    ) AS a`,
};

interface Row {
  user_n: string;
  currency_n: string;
  available: string;
  locked: string;
  balance: string;
  version: string;
  updated_at: string;
}

/**
 * Every account of the users in the currencies: for each user in turn, one for each currency in turn, `null`
 * where there is none.
 *
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export async function readAccounts(
  session: Session,
  userIds: readonly string[],
  currencies: readonly string[],
): Promise<(AccountView | null)[]> {
  requireKeys('userIds', userIds);
  requireKeys('currencies', currencies);
  const count = userIds.length * currencies.length;
  requireCount(count);
  const accounts = new Array<AccountView | null>(count).fill(null);
  if (count === 0) return accounts;
  const rows = await session.query<Row>(getAccounts, [
    textArray(userIds.map(askable)),
    textArray(currencies.map(askable)),
  ]);
  for (const row of rows) {
    const user = Number(row.user_n) - 1;
    const currency = Number(row.currency_n) - 1;
    accounts[user * currencies.length + currency] = {
      userId: userIds[user] ?? '',
      currency: currencies[currency] ?? '',
      available: trimDecimal(row.available),
      locked: trimDecimal(row.locked),
      balance: trimDecimal(row.balance),
      version: Number(row.version),
      updatedAt: isoTime(row.updated_at),
    };
  }
  return accounts;
}
