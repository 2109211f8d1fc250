import Type from 'typebox';
import type { CommandType } from '../../commands/index.ts';
import {
  component,
  decimal,
  id,
  metadata,
  nameOf,
  oneOf,
  orderStatus,
  orNull,
  ref,
  strict,
  time,
  type Component,
} from './common.ts';

/** Items of batches: one schema for each command. */

const group = Type.Optional(
  orNull(Type.String({ description: 'Items of one group succeed or fail together' })),
);
/** Fields that every item may have. */
const every = {
  id,
  group,
  reason: Type.Optional(
    orNull(Type.String({ description: 'Why it is asked, in a few words', examples: ['order_placement'] })),
  ),
  metadata: Type.Optional(metadata),
};
const userId = id;
const currency = Type.String({ examples: ['USD'] });
const symbol = Type.String({ examples: ['BTC/USD'] });
const side = oneOf('buy', 'sell');
const optional = (schema: Parameters<typeof orNull>[0]) => Type.Optional(orNull(schema));

const order = {
  ...every,
  userId,
  symbol,
  side,
  type: oneOf('limit', 'market', 'stop', 'stop_limit', 'trailing_stop'),
  quantity: decimal,
  price: optional(decimal),
  stopPrice: optional(decimal),
  trailingAmount: optional(decimal),
  trailingPercent: optional(decimal),
  displayQuantity: optional(decimal),
  timeInForce: Type.Optional(
    Type.Unsafe<'gtc' | 'ioc' | 'fok' | 'gtd' | 'day' | null>({
      type: ['string', 'null'],
      enum: ['gtc', 'ioc', 'fok', 'gtd', 'day', null],
    }),
  ),
  expiresAt: optional(time),
  ocoGroupId: optional(id),
  parentOrderId: optional(id),
  holdAmount: optional(decimal),
};

const money = { ...every, userId, currency, amount: decimal };

const itemFields = {
  createAccount: { ...every, userId, currency },
  deposit: { ...money, reference: optional(id) },
  withdraw: { ...money, reference: optional(id) },
  transfer: { ...money, toUserId: id, reference: optional(id) },
  lockFunds: { ...money, orderId: id, expiresAt: optional(time) },
  unlockFunds: { ...money, orderId: id },
  createOrder: order,
  placeOrder: { ...order, recordRejection: Type.Optional(Type.Boolean()) },
  cancelOrder: { ...every, userId, orderId: id },
  updateOrderStatus: {
    ...every,
    userId,
    orderId: id,
    status: orderStatus,
    filledQuantity: optional(decimal),
    averagePrice: optional(decimal),
  },
  settleTrade: {
    ...every,
    symbol,
    price: decimal,
    quantity: decimal,
    buyUserId: id,
    buyOrderId: id,
    sellUserId: id,
    sellOrderId: id,
    takerSide: side,
    buyFee: optional(decimal),
    sellFee: optional(decimal),
  },
} satisfies Record<CommandType, Record<string, object>>;

const types = Object.keys(itemFields) as CommandType[];

/** The item of a batch of one command. */
export const items = Object.fromEntries(
  types.map((type): [CommandType, Component] => [type, component(nameOf(type), strict(itemFields[type]))]),
) as Record<CommandType, Component>;

/** The name of the item of one command in a batch that mixes them. */
const mixedNameOf = (type: CommandType): string => `Mixed${nameOf(type)}`;

/** The component of each command in such a batch. */
export const mixedNames: Readonly<Record<string, string>> = Object.fromEntries(
  types.map((type) => [type, mixedNameOf(type)]),
);

/** The item of a batch that mixes commands: that of its command, and the command's name. */
export const mixedItem = component(
  'MixedItem',
  Type.Unsafe<Record<string, unknown>>({
    type: 'object',
    required: ['command'],
    discriminator: { propertyName: 'command' },
    oneOf: types.map((type) =>
      ref(component(mixedNameOf(type), strict({ command: Type.Literal(type), ...itemFields[type] }))),
    ),
  }),
);
