import type { MixedItem } from '../../commands/index.ts';
import type { Pincex } from '../../index.ts';
import { limits } from '../../limits.ts';
import type { OrderView } from '../../reads/orders.ts';
import { MARKET_MAKER } from '../../replay/users.ts';
import type { KindName } from '../../diagnostics.ts';
import { drawFrom, seededRandom, type Draw } from '../books/draw.ts';
import type { Change, Read } from './staleness.ts';

/** The mix of reads of an exchange's users: the number of each kind in ten reads. */
const KINDS: readonly KindName[] = [
  ...new Array<KindName>(4).fill('accounts'),
  ...new Array<KindName>(3).fill('orders'),
  ...new Array<KindName>(2).fill('userOrders'),
  'trades',
];
/** The number of readers. Each waits for an answer before it reads again. */
const READERS = 16;
/** The number of orders of a user that are still read. */
const RECENT = 20;

/** A user who trades, with the orders that are still read, the oldest first. */
interface Active {
  readonly userId: string;
  readonly orderIds: string[];
}

/**
 * Readers beside a writer: they read as the users who trade would, a few users most often, and record the results. After
 * every batch they read the true rows from PostgreSQL.
 */
export class DayReaders {
  readonly reads: Read[] = [];
  readonly history = new Map<string, Change[]>();
  readonly #instances: readonly Pincex[];
  readonly #truth: Pincex;
  readonly #currencies: readonly string[];
  readonly #active: Active[] = [];
  readonly #byUser = new Map<string, Active>();
  readonly #drawUser: Draw;
  readonly #drawOrder: Draw;
  readonly #random = seededRandom(3);

  /**
   * @param instances the Pincexes to read through, in turn
   * @param truth a Pincex without a cache
   */
  constructor(instances: readonly Pincex[], truth: Pincex, symbol: string, users: number) {
    this.#instances = instances;
    this.#truth = truth;
    this.#currencies = symbol.split('/');
    this.#drawUser = drawFrom(users, 'zipf', 1);
    this.#drawOrder = drawFrom(RECENT, 'zipf', 2);
  }

  /** Reads the true state of all rows that a batch touched. No other batch may be written meanwhile. */
  async learn(items: readonly MixedItem[], committedAt: number, publishedAt: number): Promise<void> {
    const touched = touchedBy(items);
    const userIds = [...touched.keys()];
    const orderIds = [...touched.values()].flatMap((ids) => [...ids]);
    const { bookkeeper, trading } = this.#truth;
    const [accounts, orders, lists, trades] = await Promise.all([
      bookkeeper.batchGetAccounts(userIds, this.#currencies),
      trading.batchGetOrdersByIds(orderIds),
      trading.batchGetUserOrders(userIds),
      trading.batchGetTradesByOrderIds(orderIds),
    ]);
    const note = (kind: KindName, key: string, state: number): void => {
      const changes = this.history.get(keyOf(kind, key)) ?? [];
      if (state <= (changes.at(-1)?.state ?? 0) || state === UNKNOWN) return;
      changes.push({ state, committedAt, publishedAt });
      this.history.set(keyOf(kind, key), changes);
    };
    for (const account of accounts) {
      if (account !== null) note('accounts', `${account.userId} ${account.currency}`, account.version);
    }
    for (const order of orders) if (order !== null) note('orders', order.id, order.version);
    for (const [n, userId] of userIds.entries()) note('userOrders', userId, stateOfList(lists[n] ?? []));
    for (const [n, orderId] of orderIds.entries()) note('trades', orderId, trades[n]?.length ?? 0);
    for (const [userId, ids] of touched) this.#remember(userId, ids);
  }

  /** Makes this many reads. */
  async read(count: number): Promise<void> {
    if (this.#active.length === 0) return;
    let left = count;
    const readers = Array.from({ length: READERS }, async (_, n) => {
      const pincex = this.#instances[n % this.#instances.length];
      while (pincex !== undefined && left-- > 0) await this.#readOne(pincex);
    });
    await Promise.all(readers);
  }

  async #readOne({ bookkeeper, trading }: Pincex): Promise<void> {
    const active = this.#active[this.#drawUser() % this.#active.length];
    if (active === undefined) return;
    const { userId, orderIds } = active;
    const orderId = orderIds.at(-1 - (this.#drawOrder() % orderIds.length)) ?? '';
    const kind = this.#oneOf(KINDS) ?? 'accounts';
    switch (kind) {
      case 'accounts': {
        const currency = this.#oneOf(this.#currencies) ?? '';
        return this.#note(kind, `${userId} ${currency}`, async (minVersion) => {
          const account = await bookkeeper.getAccount(userId, currency, { minVersion });
          return account?.version ?? 0;
        });
      }
      case 'orders':
        return this.#note(kind, orderId, async (minVersion) => {
          const order = await trading.getOrder(orderId, { minVersion });
          return order?.version ?? 0;
        });
      case 'userOrders':
        return this.#note(kind, userId, async () => stateOfList(await trading.getUserOrders(userId)));
      case 'trades':
        return this.#note(kind, orderId, async () => {
          const [trades] = await trading.batchGetTradesByOrderIds([orderId]);
          return trades?.length ?? 0;
        });
    }
  }

  #oneOf<Choice>(choices: readonly Choice[]): Choice | undefined {
    return choices[Math.floor(this.#random() * choices.length)];
  }

  /** Every other read of a row asks for the known version as the minimum. */
  async #note(
    kind: KindName,
    key: string,
    read: (minVersion: number | null) => Promise<number>,
  ): Promise<void> {
    const name = keyOf(kind, key);
    const hasVersion = kind === 'accounts' || kind === 'orders';
    const known = this.history.get(name)?.at(-1)?.state ?? null;
    const least = hasVersion && this.#random() < 0.5 ? known : null;
    const began = performance.now();
    const state = await read(least);
    this.reads.push({ key: name, began, state, least });
  }

  #remember(userId: string, orderIds: Iterable<string>): void {
    let active = this.#byUser.get(userId);
    if (active === undefined) {
      active = { userId, orderIds: [] };
      this.#byUser.set(userId, active);
      this.#active.push(active);
    }
    for (const id of orderIds) {
      if (active.orderIds.includes(id)) continue;
      active.orderIds.push(id);
      if (active.orderIds.length > RECENT) active.orderIds.shift();
    }
  }
}

const keyOf = (kind: KindName, key: string): string => `${kind} ${key}`;

/** The state of a list that was truncated at its limit: it does not show changes. */
const UNKNOWN = Infinity;

const stateOfList = (list: readonly OrderView[]): number =>
  list.length === limits.reads.ordersPerUser.byDefault
    ? UNKNOWN
    : list.reduce((sum, { version }) => sum + version, 0);

/** The orders that a batch may have changed, by user. The market maker does not read. */
function touchedBy(items: readonly MixedItem[]): Map<string, Set<string>> {
  const touched = new Map<string, Set<string>>();
  const touch = (userId: string, orderId: string): void => {
    if (userId === MARKET_MAKER) return;
    const orderIds = touched.get(userId) ?? new Set();
    touched.set(userId, orderIds.add(orderId));
  };
  for (const item of items) {
    if (item.command === 'placeOrder') touch(item.userId, item.id);
    else if (item.command === 'cancelOrder') touch(item.userId, item.orderId);
    else if (item.command === 'settleTrade') {
      touch(item.buyUserId, item.buyOrderId);
      touch(item.sellUserId, item.sellOrderId);
    }
  }
  return touched;
}
