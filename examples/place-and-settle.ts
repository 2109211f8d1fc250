/**
 * The life of orders: `batchPlaceOrders` holds their funds, `batchSettleTrades` moves the traded amounts, `batchCancelOrders`
 * releases the rest. Matching is the caller's task: here it is one trade, written by hand.
 *
 * Run it with `npx tsx examples/place-and-settle.ts`; where the package is installed, `npx tsx node_modules/pincex/examples/place-and-settle.ts`.
 */
import { randomUUID } from 'node:crypto';
import { Pincex, type BatchResult } from 'pincex';

const run = randomUUID().slice(0, 8);
const buyer = `buyer-${run}`;
const seller = `seller-${run}`;
const symbol = 'BTC/USD';

const pincex = await Pincex.open();
try {
  const { bookkeeper, trading } = pincex;
  requireAll(
    await bookkeeper.batchDeposit([
      { id: 'deposit-1', userId: buyer, currency: 'USD', amount: '30000' },
      { id: 'deposit-1', userId: seller, currency: 'BTC', amount: '1' },
    ]),
  );

  requireAll(
    await trading.batchPlaceOrders([
      {
        id: `sell-${run}`,
        userId: seller,
        symbol,
        side: 'sell',
        type: 'limit',
        quantity: '0.4',
        price: '25000',
      },
      {
        id: `high-${run}`,
        userId: seller,
        symbol,
        side: 'sell',
        type: 'limit',
        quantity: '0.1',
        price: '26000',
      },
      { id: `buy-${run}`, userId: buyer, symbol, side: 'buy', type: 'limit', quantity: '1', price: '25100' },
    ]),
  );
  await printAccounts('placed');
  // The order book has the orders of all users, including those of an earlier run.
  const { bids, asks } = await trading.getOrderBook(symbol, 5);
  console.log(`best bid ${bids[0]?.price ?? 'none'}, best ask ${asks[0]?.price ?? 'none'}`);

  const trades = await trading.batchSettleTrades([
    {
      id: `trade-${run}`,
      symbol,
      price: '25000',
      quantity: '0.4',
      buyUserId: buyer,
      buyOrderId: `buy-${run}`,
      sellUserId: seller,
      sellOrderId: `sell-${run}`,
      takerSide: 'buy',
      buyFee: '0.0004',
      sellFee: '10',
    },
  ]);
  requireAll(trades);
  for (const result of trades.results) {
    if (result.status !== 'applied') continue;
    const { quoteAmount, buy, sell } = result.data;
    console.log(`traded for ${quoteAmount} USD: buy ${buy.status}, sell ${sell.status}`);
  }
  await printAccounts('settled');

  const cancels = await trading.batchCancelOrders([
    { id: 'cancel-1', userId: buyer, orderId: `buy-${run}` },
    { id: 'cancel-1', userId: seller, orderId: `high-${run}` },
    { id: 'cancel-2', userId: seller, orderId: `sell-${run}` },
  ]);
  for (const result of cancels.results) {
    if (result.status === 'applied') console.log(`cancelled, ${result.data.released} released`);
    if (result.status === 'rejected') console.log(`not cancelled: ${result.error.code}`);
  }
  await printAccounts('cancelled');

  const audit = await pincex.audit();
  console.log(`audit: ${audit.ok ? 'ok' : 'BROKEN'}`);
} finally {
  await pincex.close();
}

async function printAccounts(when: string): Promise<void> {
  const accounts = await pincex.bookkeeper.batchGetAccounts([buyer, seller], ['BTC', 'USD']);
  for (const account of accounts) {
    if (account === null) continue;
    const who = account.userId === buyer ? 'buyer' : 'seller';
    console.log(`${when}: ${who} ${account.available} ${account.currency}, ${account.locked} locked`);
  }
}

/** Fails at the first item that was refused; this example expects none. */
function requireAll(batch: BatchResult<unknown>): void {
  for (const error of batch.failedItems.values()) throw new Error(error.message);
}
