import { inOrder, type AccountId, type HoldId, type OperationId, type OwnedId } from '../books/rows.ts';

/** The rows that a batch touches, each once. */
export class RowKeys {
  readonly accounts = new KeyList<AccountId>();
  readonly holds = new KeyList<HoldId>();
  readonly orders = new KeyList<OwnedId>();
  /** Orders of which every hold is looked at, and the accounts that these are in. */
  readonly ordersWithHolds = new KeyList<OwnedId>();
  readonly operations = new KeyList<OperationId>();
  /** Rows that are only ever made: they are looked for where one of them was there already. */
  readonly transactions = new KeyList<OwnedId>();
  readonly trades = new KeyList<OwnedId>();
}

/** The keys of one table. */
export class KeyList<Id extends { readonly key: string }> {
  readonly #ids = new Map<string, Id>();
  #ordered: readonly Id[] | undefined;

  get size(): number {
    return this.#ids.size;
  }

  add(id: Id): void {
    this.#ids.set(id.key, id);
    this.#ordered = undefined;
  }

  /** In the one order of {@link inOrder}. */
  inOrder(): readonly Id[] {
    this.#ordered ??= inOrder(this.#ids);
    return this.#ordered;
  }
}
