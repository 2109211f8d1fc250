import { types } from 'node:util';
import { Rejection } from '../books/rejection.ts';
import { describe, reasonOf } from '../describe.ts';
import { copyKnown, namesOf, type Names } from '../known.ts';
import { isArray } from '../lists.ts';
import type { BatchType, CommandType, ItemOf } from './index.ts';
import { metadataText } from './metadata.ts';

/** The fields that every item may have. */
const every = { id: true, group: true, reason: true, metadata: true } as const;
const account = { ...every, userId: true, currency: true } as const;
const money = { ...account, amount: true } as const;
const transaction = { ...money, reference: true } as const;
const ofOrder = { ...every, userId: true, orderId: true } as const;
const order = {
  ...every,
  userId: true,
  symbol: true,
  side: true,
  type: true,
  quantity: true,
  price: true,
  stopPrice: true,
  trailingAmount: true,
  trailingPercent: true,
  displayQuantity: true,
  timeInForce: true,
  expiresAt: true,
  ocoGroupId: true,
  parentOrderId: true,
  holdAmount: true,
} as const;

/** The fields of each item; the compiler compares them with its type. */
const FIELDS: { readonly [Type in CommandType]: Names<ItemOf<Type>> } = {
  createAccount: namesOf<ItemOf<'createAccount'>>(account),
  deposit: namesOf<ItemOf<'deposit'>>(transaction),
  withdraw: namesOf<ItemOf<'withdraw'>>(transaction),
  transfer: namesOf<ItemOf<'transfer'>>({ ...transaction, toUserId: true }),
  lockFunds: namesOf<ItemOf<'lockFunds'>>({ ...money, orderId: true, expiresAt: true }),
  unlockFunds: namesOf<ItemOf<'unlockFunds'>>({ ...money, orderId: true }),
  createOrder: namesOf<ItemOf<'createOrder'>>(order),
  placeOrder: namesOf<ItemOf<'placeOrder'>>({ ...order, recordRejection: true }),
  cancelOrder: namesOf<ItemOf<'cancelOrder'>>(ofOrder),
  updateOrderStatus: namesOf<ItemOf<'updateOrderStatus'>>({
    ...ofOrder,
    status: true,
    filledQuantity: true,
    averagePrice: true,
  }),
  settleTrade: namesOf<ItemOf<'settleTrade'>>({
    ...every,
    symbol: true,
    price: true,
    quantity: true,
    buyUserId: true,
    buyOrderId: true,
    sellUserId: true,
    sellOrderId: true,
    takerSide: true,
    buyFee: true,
    sellFee: true,
  }),
};

/** The field by which an item of a mixed batch names its command. */
const COMMAND = ['command'];
const EVERY: ReadonlySet<string> = new Set(Object.keys(every));
const TYPES = Object.keys(FIELDS) as CommandType[];

/** A copy of an item. */
export interface CopiedItem {
  readonly values: Readonly<Record<string, unknown>>;
  /** The type of its command, or the reason why it has none. */
  readonly type: CommandType | Rejection;
}

/**
 * Copies an item, so that it cannot change between its check and its execution.
 *
 * @param of the type of the batch; in a `mixed` one each item names its type in `command`
 */
export function copyItem(item: unknown, of: BatchType): CopiedItem {
  if (typeof item !== 'object' || item === null || isArray(item)) {
    return { values: {}, type: new Rejection('invalid_item', `An item is an object: got ${kindOf(item)}`) };
  }
  const asked = of === 'mixed' ? commandOf(item) : of;
  const isNamed = of === 'mixed' ? COMMAND : [];
  if (asked instanceof Rejection) {
    return { values: copyKnown(item, EVERY, 'read', isNamed).values, type: asked };
  }
  const { values, problem } = copyKnown(item, FIELDS[asked], `a field of ${asked}`, isNamed);
  const wrong = problem ?? copyDates(values);
  if (wrong !== undefined) return { values, type: new Rejection('invalid_item', wrong) };
  return { values, type: copyMetadata(values) ?? asked };
}

/** Replaces metadata by its text, and returns its problem, if it has one. */
function copyMetadata(values: Record<string, unknown>): Rejection | undefined {
  const { metadata } = values;
  if (metadata === undefined || metadata === null) return undefined;
  try {
    values['metadata'] = metadataText(metadata);
    return undefined;
  } catch (error) {
    if (error instanceof Rejection) return error;
    throw error;
  }
}

function commandOf(item: object): CommandType | Rejection {
  let command: unknown;
  try {
    ({ command } = item as { readonly command?: unknown });
  } catch (error) {
    return new Rejection('invalid_item', `command cannot be read: ${reasonOf(error)}`);
  }
  const type = TYPES.find((one) => one === command);
  const problem = `command must be one of ${TYPES.join(', ')}: got ${describe(command)}`;
  return type ?? new Rejection('invalid_item', problem);
}

/** Replaces dates by copies, since they are mutable, and returns the problem of a date whose time cannot be read. */
function copyDates(values: Record<string, unknown>): string | undefined {
  for (const name in values) {
    const value = values[name];
    if (typeof value !== 'object' || value === null) continue;
    try {
      // `getTime` throws for a Proxy of a date.
      if (!types.isDate(value) && !(value instanceof Date)) continue;
      const time = new Date(Date.prototype.getTime.call(value));
      if (!Number.isNaN(time.getTime()) && value.toISOString() !== time.toISOString()) {
        return `${name} cannot be read: its toISOString tells another time than ${time.toISOString()}`;
      }
      values[name] = time;
    } catch (error) {
      return `${name} cannot be read: ${reasonOf(error)}`;
    }
  }
  return undefined;
}

const kindOf = (item: unknown): string =>
  item === undefined ? 'nothing' : item === null ? 'null' : isArray(item) ? 'an array' : `a ${typeof item}`;
