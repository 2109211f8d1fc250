import { accountOf, credit, debit, fundsOf, OUTSIDE, type Funds } from '../books/funds.ts';
import type { Books } from '../books/books.ts';
import { Rejection } from '../books/rejection.ts';
import { keyOf, type TransactionRow } from '../books/rows.ts';
import type { Currency } from '../catalog/catalog.ts';
import type { Command } from './command.ts';
import type { Fields } from './fields.ts';

export interface Deposit {
  readonly id: string;
  readonly userId: string;
  readonly currency: string;
  /** Decimal string, more than zero. */
  readonly amount: string;
  /** The bank's or the chain's own name for it. */
  readonly reference?: string | null;
  /** Items of one group succeed or fail together. */
  readonly group?: string | null;
}

export type Withdraw = Deposit;

export interface Transfer extends Deposit {
  /** Who receives it; another than `userId`, who pays. */
  readonly toUserId: string;
}

/** Money from the outside world into an account, which the first deposit makes. */
export function deposit(fields: Fields): Command<Funds> {
  return transaction('deposit', fields, ({ userId, currency, amount }) => ({
    toUserId: null,
    touch: [userId, OUTSIDE],
    apply(books, cause) {
      passOutside(books, currency, -amount, cause);
      return fundsOf(credit(books, userId, currency, amount, cause));
    },
  }));
}

/** Money from an account's available funds to the outside world. */
export function withdraw(fields: Fields): Command<Funds> {
  return transaction('withdraw', fields, ({ userId, currency, amount }) => ({
    toUserId: null,
    touch: [userId, OUTSIDE],
    apply(books, cause) {
      const account = debit(books, accountOf(books, userId, currency.code), amount, cause);
      passOutside(books, currency, amount, cause);
      return fundsOf(account);
    },
  }));
}

/** Money from one user's available funds to another's, whose account the first money makes. */
export function transfer(fields: Fields): Command<Funds> {
  return transaction('transfer', fields, ({ userId, currency, amount }) => {
    const toUserId = fields.userId('toUserId');
    if (toUserId === userId) {
      throw new Rejection(
        'invalid_item',
        `toUserId must be another user than userId: got "${toUserId}" for both`,
      );
    }
    return {
      toUserId,
      touch: [userId, toUserId],
      apply(books, cause) {
        const account = debit(books, accountOf(books, userId, currency.code), amount, cause);
        credit(books, toUserId, currency, amount, cause);
        return fundsOf(account);
      },
    };
  });
}

type Cause = Parameters<typeof credit>[4];

interface Movement {
  readonly toUserId: string | null;
  readonly touch: readonly string[];
  apply(books: Books, cause: Cause): Funds;
}

const ROW_TYPE = { deposit: 'deposit', withdraw: 'withdrawal', transfer: 'transfer' } as const;

/** What the three have in common: their fields, and the row that remembers them. */
function transaction(
  type: keyof typeof ROW_TYPE,
  fields: Fields,
  movement: (asked: { userId: string; currency: Currency; amount: bigint }) => Movement,
): Command<Funds> {
  const id = fields.id('id');
  const userId = fields.userId();
  const currency = fields.currency();
  const amount = fields.amount('amount', currency);
  const reference = fields.optionalId('reference');
  const moved = movement({ userId, currency, amount });
  const { toUserId } = moved;
  const row: TransactionRow = {
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
    userId,
    id,
    content: keyOf(type, currency.code, amount.toString(), toUserId ?? '', reference ?? ''),
    touch(keys) {
      for (const touched of moved.touch) keys.account(touched, currency);
    },
    apply(books) {
      const funds = moved.apply(books, { operationId: id, operationType: type, orderId: null });
      books.transactions.push(row);
      return funds;
    },
  };
}

/** The outside world's account mirrors what came in: it is the only one that may go below zero. */
function passOutside(books: Books, currency: Currency, amount: bigint, cause: Cause): void {
  credit(books, OUTSIDE, currency, amount, cause);
}
