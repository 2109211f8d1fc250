import { fundsOf, openAccount, type Funds } from '../books/funds.ts';
import { accountId, keyOf } from '../books/rows.ts';
import type { Command } from './command.ts';
import type { Fields } from './fields.ts';
import type { AnyItem } from './item.ts';
import { operationId } from './kinds.ts';

export interface CreateAccount extends AnyItem {
  readonly id: string;
  readonly userId: string;
  readonly currency: string;
}

/** Opens an empty account, before any money moves. */
export function createAccount(fields: Fields): Command<Funds> {
  const id = fields.id('id');
  const userId = fields.newUserId();
  const currency = fields.currency();
  const type = 'createAccount';
  const account = accountId(userId, currency);
  return {
    type,
    operationIds: [operationId(type, userId, id)],
    content: keyOf(type, currency.code),
    touch(keys) {
      keys.accounts.add(account);
    },
    apply(books) {
      return fundsOf(openAccount(books, account));
    },
  };
}
