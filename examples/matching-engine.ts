/**
 * A matching engine for one market, which survives crashes. Events come in, a book in memory matches them, and Pincex places,
 * settles and cancels. After a crash the engine continues where it was. Three runs of the same events, each with an engine for
 * each of two markets over the accounts of the same users, have the same result: one without a crash, one that crashes at
 * each place of each batch, and one with two engines for each market by mistake. See docs/matching-engine.md.
 *
 * Run it with `npx tsx examples/matching-engine.ts`; where the package is installed, `npx tsx node_modules/pincex/examples/matching-engine.ts`.
 */
import { randomUUID } from 'node:crypto';
import {
  limits,
  Pincex,
  type MixedItem,
  type OrderSide,
  type OrderView,
  type PincexTransaction,
} from 'pincex';

/** An event of a market. The log that keeps the events, such as a table or a topic of Kafka, numbers them in order. */
type MarketEvent = { readonly sequence: number } & (
  { readonly place: NewOrder } | { readonly cancel: { readonly userId: string; readonly orderId: string } }
);
interface NewOrder {
  readonly id: string;
  readonly userId: string;
  readonly side: OrderSide;
  readonly price: string;
  readonly quantity: string;
}
/** Reads up to `most` events behind a place in the log. */
type ReadLog = (after: number, most: number) => readonly MarketEvent[];

/** An order in the book. Amounts are integers, in units of the last decimal that any currency has. */
interface Standing {
  readonly id: string;
  readonly userId: string;
  readonly side: OrderSide;
  readonly price: bigint;
  readonly left: bigint;
}
/** Each side is in price-time priority. For many thousand orders a tree would be faster than an array. */
type Book = Readonly<Record<OrderSide, readonly Standing[]>>;

/** The effect of an event: the items for Pincex, and the book in memory before and after it. Books are immutable. */
interface Step {
  readonly sequence: number;
  readonly items: readonly MixedItem[];
  readonly before: Book;
  readonly after: Book;
}

const EVENTS_A_BATCH = 4;

/** Called at each place that an engine reaches, so that a run can make it crash there. */
type Reach = (place: string) => void;

/**
 * The state of an engine at one place of the log. It is immutable: each batch makes a new one from it.
 *
 * A crash does no harm: orders, trades, balances and the position are written in one transaction, so they are always those of
 * the same event. Matches that were not committed are lost. The next engine reads the position and the book that belongs to
 * it from the tables, and matches the same events again.
 *
 * A second engine does no harm either: it takes the market over with a new epoch, and the earlier engine finds that out in
 * the transaction in which it would write.
 */
interface Engine {
  readonly symbol: string;
  readonly epoch: string;
  readonly position: number;
  readonly book: Book;
}

/** Takes the market over from whichever engine has it, and goes on from what that one committed last. */
function start(pincex: Pincex, symbol: string): Promise<Engine> {
  return pincex.transaction(async ({ client, trading }) => {
    // Waits for the other engine's transaction to end. The book is read after that.
    const { rows } = await client.query<{ epoch: string; position: string }>(
      `INSERT INTO example_engines AS engine (symbol, epoch, position) VALUES ($1, 1, 0)
       ON CONFLICT (symbol) DO UPDATE SET epoch = engine.epoch + 1
       RETURNING epoch, position`,
      [symbol],
    );
    const [row] = rows;
    const [open] = await trading.batchGetOpenOrders([symbol]);
    if (row === undefined || open === undefined) throw new Error(`${symbol} could not be read`);
    const book = { buy: open.bids.map(standing), sell: open.asks.map(standing) };
    return { symbol, epoch: row.epoch, position: Number(row.position), book };
  });
}

function standing({ id, userId, side, price, quantity, filledQuantity }: OrderView): Standing {
  return { id, userId, side, price: toUnits(price ?? ''), left: toUnits(quantity) - toUnits(filledQuantity) };
}

/** Handles events until the log has no more. After any error, start another engine. */
async function run(pincex: Pincex, from: Engine, read: ReadLog, reach?: Reach): Promise<void> {
  let engine = from;
  for (;;) {
    const events = read(engine.position, EVENTS_A_BATCH);
    if (events.length === 0) return;
    engine = await handle(pincex, engine, events, reach);
  }
}

/** Handles one batch of events in one transaction. */
async function handle(
  pincex: Pincex,
  engine: Engine,
  events: readonly MarketEvent[],
  reach?: Reach,
): Promise<Engine> {
  // Pincex runs this function again after a deadlock, so it must change nothing except through `tx`.
  const next = await pincex.transaction(async (tx) => {
    await requireOurs(tx, engine);
    const steps = match(engine, events, await knownOrders(tx, events));
    reach?.(`matched behind ${engine.position}`);
    const done = { ...engine, ...(await write(tx, steps)) };
    const values = [done.symbol, done.position];
    await tx.client.query('UPDATE example_engines SET position = $2 WHERE symbol = $1', values);
    reach?.(`written behind ${engine.position}`);
    return done;
  });
  reach?.(`committed behind ${engine.position}`);
  return next;
}

/** Fails if another engine has taken over. Locks the row, so that none can take over until the transaction ends. */
async function requireOurs({ client }: PincexTransaction, { symbol, epoch }: Engine): Promise<void> {
  const ours = 'SELECT FROM example_engines WHERE symbol = $1 AND epoch = $2 FOR UPDATE';
  const { rowCount } = await client.query(ours, [symbol, epoch]);
  if (rowCount !== 1) throw new Error(`Another engine has taken over ${symbol}`);
}

/**
 * Sends all items, in the order of the events. Matching assumed that Pincex accepts each order. If Pincex refuses one, for
 * lack of funds for example, the batch stops there. The next batch continues behind its event, with the book before it.
 */
async function write(
  tx: PincexTransaction,
  steps: readonly Step[],
): Promise<Pick<Engine, 'position' | 'book'>> {
  const sent = steps.flatMap((step) => step.items.map((item) => ({ item, step })));
  const items = sent.map(({ item }) => item);
  const { results } = await tx.execute(items, { mode: 'stop_on_error' });
  const refused = results.find((result) => result.status === 'rejected');
  const last = steps.at(-1);
  if (refused === undefined && last) return { position: last.sequence, book: last.after };
  const { item, step } = sent[refused?.index ?? -1] ?? {};
  if (item?.command === 'placeOrder' && step) return { position: step.sequence, book: step.before };
  // The sweeper or an operator ended an order that is in our book. The next engine reads the book anew.
  throw new Error(`The book in memory is not that of the tables: ${refused?.error.message}`);
}

/** The orders of these events that Pincex already has: the log may repeat an order, or be read again from an earlier place. */
async function knownOrders(
  { trading }: PincexTransaction,
  events: readonly MarketEvent[],
): Promise<Set<string>> {
  const orders = await trading.batchGetOrdersByIds(
    events.flatMap((event) => ('place' in event ? [{ userId: event.place.userId, id: event.place.id }] : [])),
  );
  return new Set(orders.flatMap((order) => (order === null ? [] : [keyOf(order)])));
}

/** Pure: the same book and events give the same items. Ids are made from the number of the event, never at random. */
function match({ symbol, book }: Engine, events: readonly MarketEvent[], known: Set<string>): Step[] {
  return events.map((event) => {
    const before = book;
    let items: MixedItem[] = [];
    if ('cancel' in event) ({ items, book } = cancel(symbol, book, event.sequence, event.cancel));
    else if (!known.has(keyOf(event.place))) {
      known.add(keyOf(event.place));
      ({ items, book } = place(symbol, book, event.sequence, event.place));
    }
    return { sequence: event.sequence, items, before, after: book };
  });
}

function cancel(
  symbol: string,
  book: Book,
  sequence: number,
  { userId, orderId }: { userId: string; orderId: string },
): { items: MixedItem[]; book: Book } {
  const isOther = (order: Standing): boolean => order.userId !== userId || order.id !== orderId;
  const left = { buy: book.buy.filter(isOther), sell: book.sell.filter(isOther) };
  // The order was filled before the cancel came, or never existed.
  if (left.buy.length + left.sell.length === book.buy.length + book.sell.length) return { items: [], book };
  return { items: [{ command: 'cancelOrder', id: `${symbol}-${sequence}`, userId, orderId }], book: left };
}

function place(
  symbol: string,
  book: Book,
  sequence: number,
  order: NewOrder,
): { items: MixedItem[]; book: Book } {
  const { id, userId, side } = order;
  const price = toUnits(order.price);
  const isBuy = side === 'buy';
  const isBetter = (a: bigint, b: bigint): boolean => (isBuy ? a > b : a < b);
  // A refusal for lack of funds is recorded, so that the order is known if its event comes again.
  const items: MixedItem[] = [
    { command: 'placeOrder', ...order, symbol, type: 'limit', recordRejection: true },
  ];
  let left = toUnits(order.quantity);
  let others = isBuy ? book.sell : book.buy;
  for (let maker = others[0]; maker && left > 0n && !isBetter(maker.price, price); maker = others[0]) {
    const quantity = maker.left < left ? maker.left : left;
    const [buy, sell] = isBuy ? [order, maker] : [maker, order];
    items.push({
      command: 'settleTrade',
      id: `${symbol}-${sequence}-${items.length}`,
      symbol,
      price: toText(maker.price),
      quantity: toText(quantity),
      buyUserId: buy.userId,
      buyOrderId: buy.id,
      sellUserId: sell.userId,
      sellOrderId: sell.id,
      takerSide: side,
    });
    left -= quantity;
    others =
      quantity === maker.left ? others.slice(1) : others.with(0, { ...maker, left: maker.left - quantity });
  }
  const own = book[side];
  const behind = own.findIndex((standing) => isBetter(price, standing.price));
  const rest = { id, userId, side, price, left };
  const stands = left === 0n ? own : own.toSpliced(behind === -1 ? own.length : behind, 0, rest);
  return { items, book: isBuy ? { buy: stands, sell: others } : { buy: others, sell: stands } };
}

const keyOf = ({ userId, id }: { userId: string; id: string }): string => JSON.stringify([userId, id]);

/** Converts an amount to an integer. A text that is no amount counts as zero; Pincex then refuses the order. */
function toUnits(text: string): bigint {
  const [, whole = '', fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  return BigInt(whole + fraction.padEnd(limits.books.scale, '0'));
}

function toText(units: bigint): string {
  const digits = units.toString().padStart(limits.books.scale + 1, '0');
  return `${digits.slice(0, -limits.books.scale)}.${digits.slice(-limits.books.scale)}`.replace(/\.?0+$/, '');
}

// The three runs begin here.

/** The events of a market. A real log has many more of them, and a real batch several hundred. */
function eventsOf(symbol: string, tag: string): MarketEvent[] {
  const [alice, bob, carol] = [`alice${tag}`, `bob${tag}`, `carol${tag}`];
  const order = (userId: string, n: number, side: OrderSide, quantity: string, price: string) => ({
    place: { id: `${symbol}-${n}`, userId, side, quantity, price },
  });
  return [
    order(alice, 1, 'sell', '1', '101'),
    order(bob, 2, 'sell', '2', '101'),
    order(alice, 3, 'sell', '1', '100'),
    order(carol, 4, 'buy', '2.5', '101'), // 1 of order 3, 1 of order 1, 0.5 of order 2
    order(carol, 5, 'buy', '1000000', '102'), // refused: she has not so much
    { cancel: { userId: bob, orderId: `${symbol}-2` } },
    order(carol, 6, 'buy', '0.3', '99.01'),
    order(carol, 6, 'buy', '0.3', '99.01'), // told twice, done once
    order(alice, 7, 'buy', 'much', '99'), // refused: no quantity
    order(bob, 8, 'sell', '0.5', '99'), // 0.3 of order 6, at its price
    { cancel: { userId: carol, orderId: `${symbol}-6` } }, // too late
    order(bob, 9, 'sell', '0.7', '99'),
    order(alice, 10, 'buy', '0.6', '99'), // 0.2 of order 8, which came before order 9
  ].map((event, index) => ({ ...event, sequence: index + 1 }));
}

/** Makes two markets and users with money, runs an engine for each market concurrently, and returns the result as text. */
async function play(
  pincex: Pincex,
  tag: string,
  work: (symbol: string, read: ReadLog) => Promise<void>,
): Promise<{ told: string; again: () => Promise<string> }> {
  const { bookkeeper, catalog, trading } = pincex;
  const users = ['alice', 'bob', 'carol'].map((name) => name + tag);
  const bases = [`BTC${tag}`, `ETH${tag}`];
  const symbols = bases.map((base) => `${base}/USD`);
  for (const base of bases) {
    await catalog.addCurrency(base, 8);
    await catalog.addMarket(`${base}/USD`, '0.01', '0.0001', '1');
  }
  await bookkeeper.batchDeposit(
    users.flatMap((userId) =>
      ['USD', ...bases].map((currency) => ({ id: currency, userId, currency, amount: '1000' })),
    ),
  );

  const workAll = async (): Promise<string> => {
    await Promise.all(
      symbols.map((symbol) => {
        const log = eventsOf(symbol, tag);
        return work(symbol, (after, most) => log.slice(after, after + most));
      }),
    );
    const books = await trading.batchGetOpenOrders(symbols);
    const accounts = await bookkeeper.batchGetAccounts(users, ['USD', ...bases]);
    const told = [
      ...books.flatMap(({ bids, asks }) =>
        [...bids, ...asks].map((order) => [order.id, order.quantity, order.filledQuantity, order.price]),
      ),
      ...accounts.map(
        (account) => account && [account.userId, account.currency, account.available, account.locked],
      ),
    ];
    return told.map((line) => (line ?? ['none']).join(' ').replaceAll(tag, '')).join('\n');
  };
  return { told: await workAll(), again: workAll };
}

const pincex = await Pincex.open();
try {
  await pincex.transaction(({ client }) =>
    client.query(
      'CREATE TABLE IF NOT EXISTS example_engines (symbol text PRIMARY KEY, epoch bigint, position bigint)',
    ),
  );
  const tag = randomUUID().slice(0, 8).toUpperCase();

  const calm = await play(pincex, `${tag}A`, async (symbol, read) => {
    await run(pincex, await start(pincex, symbol), read);
  });
  console.log(`without a crash:\n${calm.told}`);

  let crashes = 0;
  const crashing = await play(pincex, `${tag}B`, async (symbol, read) => {
    const reached = new Set<string>();
    const crash = (place: string): void => {
      if (reached.has(place)) return;
      reached.add(place);
      throw new Error('crash');
    };
    for (;;) {
      try {
        // The new engine knows nothing that the crashed one had in memory.
        await run(pincex, await start(pincex, symbol), read, crash);
        return;
      } catch (error) {
        if (!(error instanceof Error) || error.message !== 'crash') throw error;
        crashes++;
      }
    }
  });
  console.log(`with ${crashes} crashes: ${crashing.told === calm.told ? 'the same' : crashing.told}`);

  let takenOver = 0;
  const twice = await play(pincex, `${tag}C`, async (symbol, read) => {
    const first = await start(pincex, symbol);
    const second = await start(pincex, symbol);
    const [ended] = await Promise.allSettled([run(pincex, first, read), run(pincex, second, read)]);
    if (ended.status === 'rejected') takenOver++;
  });
  console.log(
    `two engines for each market, ${takenOver} taken over: ${twice.told === calm.told ? 'the same' : twice.told}`,
  );

  // The position is too old, as after a restore of that table alone. Items that were done are recognized by their ids.
  await pincex.transaction(({ client }) =>
    client.query('UPDATE example_engines SET position = 0 WHERE symbol LIKE $1', [`%${tag}A/USD`]),
  );
  console.log(`all events again: ${(await calm.again()) === calm.told ? 'the same' : 'CHANGED'}`);

  const audit = await pincex.audit();
  console.log(`audit: ${audit.ok ? 'ok' : 'BROKEN'}`);
} finally {
  await pincex.close();
}
