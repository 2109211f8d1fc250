import { accountOf, credit, debit, fundsOf, OUTSIDE, type Funds } from '../books/funds.ts';
import { Rejection } from '../books/rejection.ts';
import { accountId, keyOf, ownedId, type TransactionRow } from '../books/rows.ts';
import type { Command } from './command.ts';
import type { Fields } from './fields.ts';
import type { AnyItem } from './item.ts';
import { operationId } from './kinds.ts';

export interface Deposit extends AnyItem {
  readonly id: string;
  readonly userId: string;
  readonly currency: string;
  /** Decimal string, more than zero. */
  readonly amount: string;
  /** The reference of the bank or the chain. */
  readonly reference?: string | null | undefined;
}

export type Withdraw = Deposit;

export interface Transfer extends Deposit {
  /** The user that receives the money; not the same as `userId`, who pays. */
  readonly toUserId: string;
}

/** Moves money from the outside world into an account, which is opened if it does not exist. */
export function deposit(fields: Fields): Command<Funds> {
  return transaction('deposit', fields, OUTSIDE, fields.newUserId(), null);
}

/** Moves available money of an account to the outside world. */
export function withdraw(fields: Fields): Command<Funds> {
  return transaction('withdraw', fields, fields.userId(), OUTSIDE, null);
}

/** Moves available money of one user to another, whose account is opened if it does not exist. */
export function transfer(fields: Fields): Command<Funds> {
  const userId = fields.userId();
  const toUserId = fields.newUserId('toUserId');
  if (toUserId !== userId) return transaction('transfer', fields, userId, toUserId, toUserId);
  throw new Rejection(
    'invalid_item',
    `toUserId must be another user than userId: got "${toUserId}" for both`,
  );
}

const ROW_TYPE = { deposit: 'deposit', withdraw: 'withdrawal', transfer: 'transfer' } as const;

/** Moves money from one account to another, and writes the row of the transaction. */
function transaction(
  type: keyof typeof ROW_TYPE,
  fields: Fields,
  payerId: string,
  payeeId: string,
  toUserId: string | null,
): Command<Funds> {
  const id = fields.id('id');
  const userId = fields.userId();
  const reference = fields.optionalId('reference');
  const currency = fields.currency();
  const amount = fields.amount('amount', currency);
  const payer = accountId(payerId, currency);
  const payee = accountId(payeeId, currency);
  const row: Omit<TransactionRow, 'createdAt'> = {
    userId,
    id,
    type: ROW_TYPE[type],
    currency: currency.code,
    scale: currency.scale,
    amount,
    toUserId,
    reference,
  };
  return {
    type,
    operationIds: [operationId(type, userId, id)],
    content: keyOf(type, currency.code, amount.toString(), toUserId ?? '', reference ?? ''),
    touch(keys) {
      keys.accounts.add(payer);
      keys.accounts.add(payee);
      keys.transactions.add(ownedId(userId, id));
    },
    apply(books) {
      const cause = { operationId: id, operationType: type, orderId: null };
      // The outside world has no limit: its accounts mirror all deposits, and only they may be below zero.
      const paid =
        payerId === OUTSIDE
          ? credit(books, payer, -amount, cause)
          : debit(books, accountOf(books, payer), amount, cause);
      const received = credit(books, payee, amount, cause);
      books.transactions.push({ ...row, createdAt: books.moment });
      return fundsOf(payerId === userId ? paid : received);
    },
  };
}
