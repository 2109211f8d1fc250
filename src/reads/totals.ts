import type { Session } from '../database/database.ts';
import { trimDecimal } from '../money/amount.ts';

/** The accounts of a currency, added up. Amounts are decimal strings. */
export interface Sums {
  readonly available: string;
  readonly locked: string;
  readonly balance: string;
  /** Number of accounts. */
  readonly accounts: number;
}

/** The totals of a currency. Those of users and of the system add up to zero. */
export interface CurrencyTotals {
  readonly currency: string;
  readonly users: Sums;
  /** Accounts whose users begin with "@": the outside world, fees. */
  readonly system: Sums;
}

/** Reads every account: its time grows with their number. */
export const getTotals = {
  name: 'get-totals',
  text: `
    SELECT a.currency, a.user_id LIKE '@%' AS is_system, sum(a.available) AS available, sum(a.locked) AS locked,
      sum(a.balance) AS balance, count(*) AS accounts
    FROM accounts a
    GROUP BY a.currency, is_system
    ORDER BY a.currency`,
};

interface Row {
  currency: string;
  is_system: string;
  available: string;
  locked: string;
  balance: string;
  accounts: string;
}

const NONE: Sums = { available: '0', locked: '0', balance: '0', accounts: 0 };

export async function readTotals(session: Session): Promise<CurrencyTotals[]> {
  const totals = new Map<string, CurrencyTotals>();
  for (const row of await session.query<Row>(getTotals)) {
    const { currency, is_system, available, locked, balance, accounts } = row;
    const sums: Sums = {
      available: trimDecimal(available),
      locked: trimDecimal(locked),
      balance: trimDecimal(balance),
      accounts: Number(accounts),
    };
    const before = totals.get(currency) ?? { currency, users: NONE, system: NONE };
    totals.set(currency, { ...before, ...(is_system === 't' ? { system: sums } : { users: sums }) });
  }
  return [...totals.values()];
}
