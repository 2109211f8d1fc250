import type { Moment } from '../database/sql/moment.ts';
import type { BrokenRows } from './broken.ts';
import type {
  Account,
  Hold,
  JournalEntry,
  NewOrder,
  Note,
  Operation,
  OrderRow,
  TradeRow,
  TransactionRow,
} from './rows.ts';

/** The rows that a batch read before it is decided. */
export interface LoadedBooks {
  readonly accounts: Readable<Account>;
  readonly holds: Readable<Hold>;
  readonly orders: Readable<OrderRow>;
  readonly operations: Readable<Operation>;
  /** Rows that no rule can work on. They are in none of the maps above. */
  readonly broken?: BrokenRows | undefined;
}

/**
 * The books while a batch is decided: changed rows overlay the loaded ones. A fork adds a layer for a group: it is merged if
 * the group succeeds, and dropped if the group fails.
 */
export class Books implements LoadedBooks {
  readonly accounts: Overlay<Account>;
  readonly holds: Overlay<Hold>;
  readonly orders: Overlay<OrderRow>;
  readonly operations: Overlay<Operation>;
  readonly newOrders: Overlay<NewOrder>;
  readonly journal: JournalEntry[] = [];
  readonly trades: TradeRow[] = [];
  readonly transactions: TransactionRow[] = [];
  readonly broken: BrokenRows | undefined;
  /** The time at which the batch is decided. */
  readonly now: Moment;
  /** The time at which the current item takes effect: each item of a batch has a later one. */
  moment: Moment;
  /** The caller's note of the current item. */
  note: Note | undefined;

  constructor(base: LoadedBooks, now: Moment) {
    this.accounts = new Overlay(base.accounts);
    this.holds = new Overlay(base.holds);
    this.orders = new Overlay(base.orders);
    this.operations = new Overlay(base.operations);
    this.newOrders = new Overlay(base instanceof Books ? base.newOrders : NONE);
    this.broken = base.broken;
    this.now = now;
    this.moment = now;
  }

  fork(): Books {
    const fork = new Books(this, this.now);
    fork.moment = this.moment;
    return fork;
  }

  /** Adds the changes of a fork of these books. */
  merge(fork: Books): void {
    this.accounts.merge(fork.accounts);
    this.holds.merge(fork.holds);
    this.orders.merge(fork.orders);
    this.operations.merge(fork.operations);
    this.newOrders.merge(fork.newOrders);
    for (const entry of fork.journal) this.journal.push(entry);
    for (const trade of fork.trades) this.trades.push(trade);
    for (const transaction of fork.transactions) this.transactions.push(transaction);
  }
}

const NONE: Readable<never> = new Map<string, never>();

/** A map over a base: reads of missing keys fall through to the base, writes do not change it. */
export class Overlay<Row> {
  readonly #base: Readable<Row>;
  readonly #changed = new Map<string, Row>();

  constructor(base: Readable<Row>) {
    this.#base = base;
  }

  get(key: string): Row | undefined {
    return this.#changed.get(key) ?? this.#base.get(key);
  }

  set(key: string, row: Row): void {
    this.#changed.set(key, row);
  }

  merge(top: Overlay<Row>): void {
    for (const [key, row] of top.#changed) this.#changed.set(key, row);
  }

  /** The rows that were set, by key. */
  get changed(): ReadonlyMap<string, Row> {
    return this.#changed;
  }
}

interface Readable<Row> {
  get(key: string): Row | undefined;
}
