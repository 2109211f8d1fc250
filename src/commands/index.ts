import { cancelOrder, type CancelOrder } from './cancelOrder.ts';
import type { Command } from './command.ts';
import { createAccount, type CreateAccount } from './createAccount.ts';
import { createOrder, type OrderOutcome } from './createOrder.ts';
import type { EndOutcome } from './endOrder.ts';
import type { Fields } from './fields.ts';
import { lockFunds, type LockFunds } from './lockFunds.ts';
import type { CreateOrder } from './newOrder.ts';
import { placeOrder, type PlaceOrder, type PlaceOutcome } from './placeOrder.ts';
import { settleTrade, type SettleTrade, type TradeOutcome } from './settleTrade.ts';
import { deposit, transfer, withdraw, type Deposit, type Transfer, type Withdraw } from './transactions.ts';
import { unlockFunds, type UnlockFunds } from './unlockFunds.ts';
import { updateOrderStatus, type UpdateOrderStatus } from './updateOrderStatus.ts';
import type { Funds } from '../books/funds.ts';

/** The commands: for each type its item and the data of its success. */
export interface CommandTypes {
  createAccount: { item: CreateAccount; data: Funds };
  deposit: { item: Deposit; data: Funds };
  withdraw: { item: Withdraw; data: Funds };
  transfer: { item: Transfer; data: Funds };
  lockFunds: { item: LockFunds; data: Funds };
  unlockFunds: { item: UnlockFunds; data: Funds };
  createOrder: { item: CreateOrder; data: OrderOutcome };
  placeOrder: { item: PlaceOrder; data: PlaceOutcome };
  cancelOrder: { item: CancelOrder; data: EndOutcome };
  updateOrderStatus: { item: UpdateOrderStatus; data: OrderOutcome };
  settleTrade: { item: SettleTrade; data: TradeOutcome };
}

export type CommandType = keyof CommandTypes;
export type ItemOf<Type extends CommandType> = CommandTypes[Type]['item'];
export type DataOf<Type extends CommandType> = CommandTypes[Type]['data'];

/** The type of a batch: that of all its items, or `mixed`. */
export interface BatchTypes extends CommandTypes {
  mixed: { item: MixedItem; data: unknown };
}

export type BatchType = keyof BatchTypes;

/** An item of a mixed batch. It names its type in `command`, since an order has a `type` of its own. */
export type MixedItem = { [Type in CommandType]: { readonly command: Type } & ItemOf<Type> }[CommandType];

/** The function that reads and checks the items of each type. */
export const commands: { readonly [Type in CommandType]: (fields: Fields) => Command<DataOf<Type>> } = {
  createAccount,
  deposit,
  withdraw,
  transfer,
  lockFunds,
  unlockFunds,
  createOrder,
  placeOrder,
  cancelOrder,
  updateOrderStatus,
  settleTrade,
};
