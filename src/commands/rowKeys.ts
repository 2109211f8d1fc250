import { inOrder, type AccountId, type HoldId, type OperationId, type OwnedId } from '../books/rows.ts';

/** The keys of the rows that a batch touches, each once. */
export class RowKeys {
  readonly accounts = new KeyList<AccountId>();
  readonly holds = new KeyList<HoldId>();
  readonly orders = new KeyList<OwnedId>();
  /** Orders whose holds are all read, with the accounts of these holds. */
  readonly ordersWithHolds = new KeyList<OwnedId>();
  readonly operations = new KeyList<OperationId>();
  /** Rows that the batch only inserts. They are looked up only after an insert failed because a row exists already. */
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

  /** The keys in the order of {@link inOrder}. */
  inOrder(): readonly Id[] {
    this.#ordered ??= inOrder(this.#ids);
    return this.#ordered;
  }
}
