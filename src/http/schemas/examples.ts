import type { CommandType, ItemOf, MixedItem } from '../../commands/index.ts';

/**
 * Bodies that the page of the document sends unless its reader changes them. On empty books the calls succeed one after the
 * other, in the order of the page as in that of the document. Sent again they change nothing: no batch has an id here.
 */

const alice = { userId: 'alice' };
const bob = { userId: 'bob' };
const limit = { symbol: 'BTC/USD', type: 'limit', price: '60000' } as const;

export const itemExamples: { readonly [Type in CommandType]: readonly ItemOf<Type>[] } = {
  createAccount: [
    { id: 'open-1', ...alice, currency: 'BTC' },
    { id: 'open-2', ...bob, currency: 'USD' },
  ],
  deposit: [
    { id: 'deposit-1', ...alice, currency: 'USD', amount: '100000' },
    { id: 'deposit-2', ...bob, currency: 'BTC', amount: '2' },
  ],
  withdraw: [{ id: 'withdrawal-1', ...alice, currency: 'USD', amount: '250.5' }],
  transfer: [{ id: 'transfer-1', ...alice, toUserId: 'bob', currency: 'USD', amount: '100' }],
  lockFunds: [{ id: 'lock-1', ...alice, currency: 'USD', amount: '6000', orderId: 'order-1' }],
  unlockFunds: [{ id: 'unlock-1', ...alice, currency: 'USD', amount: '1500', orderId: 'order-1' }],
  createOrder: [{ id: 'order-1', ...alice, side: 'buy', ...limit, quantity: '0.1' }],
  placeOrder: [
    { id: 'order-2', ...alice, side: 'buy', ...limit, quantity: '0.5' },
    { id: 'order-3', ...bob, side: 'sell', ...limit, quantity: '0.75' },
    { id: 'order-4', ...bob, side: 'sell', ...limit, price: '75000', quantity: '0.25' },
  ],
  cancelOrder: [{ id: 'cancel-1', ...bob, orderId: 'order-4' }],
  updateOrderStatus: [
    {
      id: 'status-1',
      ...alice,
      orderId: 'order-1',
      status: 'partially_filled',
      filledQuantity: '0.025',
      averagePrice: '60000',
    },
  ],
  settleTrade: [
    {
      id: 'trade-1',
      symbol: 'BTC/USD',
      price: '60000',
      quantity: '0.2',
      buyUserId: 'alice',
      buyOrderId: 'order-2',
      sellUserId: 'bob',
      sellOrderId: 'order-3',
      takerSide: 'buy',
      buyFee: '0.0002',
      sellFee: '12',
    },
  ],
};

export const mixedExample: readonly MixedItem[] = [
  { command: 'deposit', id: 'deposit-3', ...alice, currency: 'USD', amount: '500' },
  { command: 'placeOrder', id: 'order-5', ...alice, side: 'buy', ...limit, quantity: '0.01' },
];

export const orderExamples = [
  { ...alice, id: 'order-2' },
  { ...bob, id: 'order-3' },
];
