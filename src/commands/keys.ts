import { keyOf } from '../books/rows.ts';

export interface AccountKey {
  readonly userId: string;
  readonly currency: string;
  readonly scale: number;
}
export interface HoldKey extends AccountKey {
  readonly orderId: string;
}
export interface OwnedId {
  readonly userId: string;
  readonly id: string;
}

/** The rows that a batch touches, each once. */
export class Keys {
  readonly accounts: Map<string, AccountKey>;
  readonly holds: Map<string, HoldKey>;
  readonly orders: Map<string, OwnedId>;
  readonly operations: Map<string, OwnedId>;

  constructor(keys?: Keys) {
    this.accounts = sorted(keys?.accounts);
    this.holds = sorted(keys?.holds);
    this.orders = sorted(keys?.orders);
    this.operations = sorted(keys?.operations);
  }

  /** The same rows in the order of their keys: neighbours in an index are read one after the other. */
  sorted(): Keys {
    return new Keys(this);
  }

  account(userId: string, currency: { readonly code: string; readonly scale: number }): void {
    const { code, scale } = currency;
    this.accounts.set(keyOf(userId, code), { userId, currency: code, scale });
  }

  hold(userId: string, orderId: string, currency: { readonly code: string; readonly scale: number }): void {
    const { code, scale } = currency;
    this.holds.set(keyOf(userId, orderId, code), { userId, orderId, currency: code, scale });
  }

  /** An order, every hold of it and the accounts of these. */
  order(userId: string, id: string): void {
    this.orders.set(keyOf(userId, id), { userId, id });
  }

  operation(userId: string, id: string): void {
    this.operations.set(keyOf(userId, id), { userId, id });
  }
}

function sorted<Key>(keys: ReadonlyMap<string, Key> = new Map()): Map<string, Key> {
  return new Map([...keys].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
