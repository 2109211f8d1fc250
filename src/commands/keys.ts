import { keyOf } from '../books/rows.ts';

export interface AccountKey {
  readonly key: string;
  readonly userId: string;
  readonly currency: string;
  readonly scale: number;
}
export interface HoldKey extends AccountKey {
  readonly orderId: string;
}
export interface OwnedId {
  readonly key: string;
  readonly userId: string;
  readonly id: string;
}

/** The rows that a batch touches, each once. */
export class Keys {
  readonly accounts = new Map<string, AccountKey>();
  readonly holds = new Map<string, HoldKey>();
  readonly orders = new Map<string, OwnedId>();
  readonly operations = new Map<string, OwnedId>();

  account(userId: string, currency: { readonly code: string; readonly scale: number }): void {
    const key = keyOf(userId, currency.code);
    this.accounts.set(key, { key, userId, currency: currency.code, scale: currency.scale });
  }

  hold(userId: string, orderId: string, currency: { readonly code: string; readonly scale: number }): void {
    const key = keyOf(userId, orderId, currency.code);
    this.holds.set(key, { key, userId, orderId, currency: currency.code, scale: currency.scale });
  }

  /** An order, every hold of it and the accounts of these. */
  order(userId: string, id: string): void {
    const key = keyOf(userId, id);
    this.orders.set(key, { key, userId, id });
  }

  operation(userId: string, id: string): void {
    const key = keyOf(userId, id);
    this.operations.set(key, { key, userId, id });
  }
}
