import { formatAmount } from '../money/amount.ts';
import type { Books } from './books.ts';
import { Rejection } from './rejection.ts';
import { keyOf, type Account, type AccountId, type Hold, type HoldId } from './rows.ts';

/**
 * The rules of money. Each rule refuses an item before it changes anything, so that a rejected item leaves nothing behind.
 */

/** The user for the outside world, where deposits come from and withdrawals go to. Its accounts mirror all other accounts. */
export const OUTSIDE = '@outside';
/** The user whose accounts receive the fees of trades. */
export const FEES = '@fees';

/** The operation that moves an account, as the journal entry names it. */
export interface Cause {
  readonly operationId: string;
  readonly operationType: string;
  readonly orderId: string | null;
}

/** The account as a result shows it. Amounts are decimal strings. */
export interface Funds {
  /** The amount that can be spent. */
  readonly available: string;
  /** The amount in open holds. */
  readonly locked: string;
  /** The number of journal entries of the account: 0 if it was only opened. */
  readonly version: number;
}

export function fundsOf(account: Account): Funds {
  return {
    available: formatAmount(account.available, account.scale),
    locked: formatAmount(account.locked, account.scale),
    version: account.version,
  };
}

/** The account. Refuses if it does not exist. */
export function accountOf(books: Books, id: AccountId): Account {
  const account = books.accounts.get(id.key);
  if (account !== undefined) return account;
  const problem = `${id.userId} has no ${id.currency} account; createAccount opens one, and so does a first deposit`;
  throw new Rejection('account_not_found', problem);
}

/** Opens an empty account. No money moved, so it has version 0 and no journal entry. */
export function openAccount(books: Books, id: AccountId): Account {
  if (books.accounts.get(id.key) !== undefined) {
    throw new Rejection('account_exists', `${id.userId} has a ${id.currency} account already`);
  }
  const account = emptyAccount(id);
  books.accounts.set(id.key, account);
  return account;
}

function emptyAccount(id: AccountId): Account {
  return { ...id, available: 0n, locked: 0n, version: 0 };
}

/** Refuses unless the account has `amount` available. */
function requireAvailable(account: Account, amount: bigint): void {
  if (account.available >= amount) return;
  const { userId, currency, scale } = account;
  throw new Rejection(
    'insufficient_funds',
    `${userId} has ${formatAmount(account.available, scale)} ${currency} available, needs ${formatAmount(amount, scale)}`,
  );
}

/** The hold. Refuses if it does not exist or has less than `amount` left. */
export function holdOf(books: Books, id: HoldId, amount: bigint): Hold {
  const { userId, orderId, currency } = id;
  const hold = openHold(books, id);
  if (hold === undefined) {
    throw new Rejection('hold_not_found', `${userId} holds no ${currency} for order ${orderId}`);
  }
  if (hold.amount < amount) {
    const [has, needs] = [hold.amount, amount].map((value) => formatAmount(value, hold.scale));
    throw new Rejection(
      'hold_exceeded',
      `The hold of ${userId} for order ${orderId} has ${has ?? ''} ${currency}, needs ${needs ?? ''}`,
    );
  }
  return hold;
}

/** The hold, if it exists and has an amount left. */
export function openHold(books: Books, id: HoldId): Hold | undefined {
  const hold = books.holds.get(id.key);
  return hold === undefined || hold.amount === 0n ? undefined : hold;
}

/** Moves an amount from available to locked, into the hold of the order, which is made if it does not exist. */
export function lock(
  books: Books,
  account: Account,
  amount: bigint,
  { key, userId, currency, scale, orderId }: HoldId,
  { placed, expiresAt }: Pick<Hold, 'placed' | 'expiresAt'>,
  cause: Cause,
): Account {
  requireAvailable(account, amount);
  const held = (books.holds.get(key)?.amount ?? 0n) + amount;
  books.holds.set(key, { key, userId, currency, scale, orderId, amount: held, placed, expiresAt });
  return move(books, account, -amount, amount, cause);
}

/** Takes `spent` and `freed` out of a hold: `spent` leaves the account, `freed` returns to available. */
export function spendHold(books: Books, hold: Hold, spent: bigint, freed: bigint, cause: Cause): Account {
  const account = accountOf(books, { ...hold, key: keyOf(hold.userId, hold.currency) });
  books.holds.set(hold.key, { ...hold, amount: hold.amount - spent - freed });
  return move(books, account, freed, -spent - freed, cause);
}

/** Adds to available. An account that does not exist is opened. */
export function credit(books: Books, id: AccountId, amount: bigint, cause: Cause): Account {
  const account = books.accounts.get(id.key) ?? emptyAccount(id);
  return amount === 0n ? account : move(books, account, amount, 0n, cause);
}

/** Takes from available. */
export function debit(books: Books, account: Account, amount: bigint, cause: Cause): Account {
  requireAvailable(account, amount);
  return move(books, account, -amount, 0n, cause);
}

function move(
  books: Books,
  account: Account,
  availableDelta: bigint,
  lockedDelta: bigint,
  cause: Cause,
): Account {
  const { key, userId, currency, scale } = account;
  const moved: Account = {
    key,
    userId,
    currency,
    scale,
    available: account.available + availableDelta,
    locked: account.locked + lockedDelta,
    version: account.version + 1,
  };
  if (moved.locked < 0n || (moved.available < 0n && userId !== OUTSIDE)) {
    throw new RangeError(`A rule let ${userId} ${currency} go below zero (${cause.operationId})`);
  }
  books.accounts.set(key, moved);
  const { operationId, operationType, orderId } = cause;
  books.journal.push({
    account: moved,
    availableDelta,
    lockedDelta,
    operationId,
    operationType,
    orderId,
    note: books.note,
    createdAt: books.moment,
  });
  return moved;
}
