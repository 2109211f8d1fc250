import type { Session } from '../database/database.ts';
import { ACCOUNT_COLUMNS, toAccountView, type AccountRow, type AccountView } from './accounts.ts';
import { getAccountsAt } from './entryPages.ts';
import { requireTime } from './page.ts';
import { storableKey } from './readArguments.ts';

export const getUserAccounts = {
  name: 'get-user-accounts',
  hints: ['IndexScan(a accounts_pkey)'],
  text: `
    SELECT a.currency, ${ACCOUNT_COLUMNS}
    FROM accounts a
    WHERE a.user_id = $1
    ORDER BY a.currency`,
};

/**
 * All accounts of a user, by currency: as they are, or as they were at a time. An account without an entry before that time is
 * left out.
 *
 * @throws PincexError `invalid_argument`
 */
export async function readUserAccounts(
  session: Session,
  userId: string,
  at?: string | null,
): Promise<AccountView[]> {
  const user = storableKey(userId);
  const rows = await (at == null
    ? session.query<AccountRow & { currency: string }>(getUserAccounts, [user])
    : session.query<AccountRow & { currency: string }>(getAccountsAt, [user, requireTime('at', at)]));
  return rows.map((row) => toAccountView(row, userId, row.currency));
}
