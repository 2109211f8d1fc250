import { textArray } from '../database/sql/arrays.ts';
import type { Session } from '../database/database.ts';
import { isoMoment } from '../database/sql/time.ts';
import { trimDecimal } from '../money/amount.ts';
import { storableKey, requireCount, requireKeys } from './readArguments.ts';
import { toVersion } from './version.ts';

/** An account as callers see it. Amounts are decimal strings. */
export interface AccountView {
  /** The user who owns it. */
  readonly userId: string;
  /** Such as `USD`. */
  readonly currency: string;
  /** The amount that can be spent. */
  readonly available: string;
  /** The amount that open holds have locked. */
  readonly locked: string;
  /** `available` and `locked` together. */
  readonly balance: string;
  /** Counts the movements of the account; 0 if it was only opened. */
  readonly version: number;
  /** The time of the last change, ISO 8601 in UTC. */
  readonly updatedAt: string;
}

/** Names an account. */
export interface AccountKey {
  readonly userId: string;
  readonly currency: string;
}

/** The columns of `accounts a` that {@link toAccountView} takes. */
export const ACCOUNT_COLUMNS = 'a.available, a.locked, a.balance, a.version, a.updated_at';

export const getAccounts = {
  name: 'get-accounts',
  hints: ['IndexScan(a accounts_pkey)'],
  text: `
    SELECT k.n, ${ACCOUNT_COLUMNS}
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (user_id, currency, n)
    CROSS JOIN LATERAL (
      SELECT * FROM accounts a WHERE a.user_id = k.user_id AND a.currency = k.currency OFFSET 0
    ) AS a`,
};

/** {@link ACCOUNT_COLUMNS} */
export interface AccountRow {
  available: string;
  locked: string;
  balance: string;
  version: string;
  updated_at: string;
}

interface Row extends AccountRow {
  n: string;
}

/** The accounts in the order of their keys; `null` for an account that does not exist. */
export async function readAccounts(
  session: Session,
  keys: readonly AccountKey[],
): Promise<(AccountView | null)[]> {
  const accounts = new Array<AccountView | null>(keys.length).fill(null);
  if (keys.length === 0) return accounts;
  const rows = await session.query<Row>(getAccounts, [
    textArray(keys.map(({ userId }) => storableKey(userId))),
    textArray(keys.map(({ currency }) => storableKey(currency))),
  ]);
  for (const row of rows) {
    const place = Number(row.n) - 1;
    const { userId = '', currency = '' } = keys[place] ?? {};
    accounts[place] = toAccountView(row, userId, currency);
  }
  return accounts;
}

/**
 * The keys of every account of the users in the currencies: for each user in turn, one for each currency in turn.
 *
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export function accountKeys(userIds: readonly string[], currencies: readonly string[]): AccountKey[] {
  const users = requireKeys('userIds', userIds);
  const codes = requireKeys('currencies', currencies);
  requireCount(users.length * codes.length);
  return users.flatMap((userId) => codes.map((currency) => ({ userId, currency })));
}

export function toAccountView(row: AccountRow, userId: string, currency: string): AccountView {
  return {
    userId,
    currency,
    available: trimDecimal(row.available),
    locked: trimDecimal(row.locked),
    balance: trimDecimal(row.balance),
    version: toVersion(row.version, 'account', userId, currency),
    updatedAt: isoMoment(row.updated_at),
  };
}
