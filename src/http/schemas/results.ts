import Type, { type TSchema } from 'typebox';
import type { CommandType } from '../../commands/index.ts';
import {
  component,
  decimal,
  id,
  nameOf,
  oneOf,
  orderStatus,
  orNull,
  ref,
  refOrNull,
  strict,
  version,
  type Component,
} from './common.ts';

/** Results of batches: see docs/results-and-errors.md. */

const funds = component('Funds', strict({ available: decimal, locked: decimal, version }));
const orderOutcome = component('OrderOutcome', strict({ orderId: id, status: orderStatus, version }));
const placeOutcome = component(
  'PlaceOutcome',
  strict({ orderId: id, status: orderStatus, version, funds: ref(funds) }),
);
const endOutcome = component(
  'EndOutcome',
  strict({ orderId: id, status: orderStatus, version, released: decimal, funds: refOrNull(funds) }),
);
const tradeOutcome = component(
  'TradeOutcome',
  strict({ tradeId: id, quoteAmount: decimal, buy: ref(orderOutcome), sell: ref(orderOutcome) }),
);

/** The data of a success, for each command. */
const data: Record<CommandType, Component> = {
  createAccount: funds,
  deposit: funds,
  withdraw: funds,
  transfer: funds,
  lockFunds: funds,
  unlockFunds: funds,
  createOrder: orderOutcome,
  placeOrder: placeOutcome,
  cancelOrder: endOutcome,
  updateOrderStatus: orderOutcome,
  settleTrade: tradeOutcome,
};

const itemError = component(
  'ItemError',
  strict({
    code: Type.String({ description: 'Stable, lower_snake_case', examples: ['insufficient_funds'] }),
    message: Type.String(),
    retryable: Type.Boolean({ description: 'Whether the same item may succeed later as it is' }),
  }),
);

const counts = component(
  'BatchCounts',
  strict({
    total: Type.Integer(),
    applied: Type.Integer(),
    rejected: Type.Integer(),
    replayed: Type.Integer(),
    skipped: Type.Integer(),
  }),
);

const place = { index: Type.Integer({ minimum: 0 }), id: orNull(id) };

const itemResult = (success: TSchema): TSchema =>
  Type.Unsafe({
    oneOf: [
      strict({ ...place, status: oneOf('applied', 'replayed'), data: success }),
      strict({ ...place, status: oneOf('rejected'), error: ref(itemError) }),
      strict({ ...place, status: oneOf('skipped') }),
    ],
  });

export const modes = ['partial', 'stop_on_error', 'atomic'] as const;

const batch = (success: TSchema) => ({
  batchId: Type.String({ description: 'UUID' }),
  mode: oneOf(...modes),
  status: oneOf('applied', 'partial', 'rejected'),
  counts: ref(counts),
  durationMs: Type.Number(),
  results: Type.Array(itemResult(success)),
});

/** The result of a batch of one command. */
export const batchResults = Object.fromEntries(
  Object.entries(data).map(([type, success]): [string, Component] => [
    type,
    component(`${nameOf(type)}Result`, strict(batch(ref(success)))),
  ]),
) as Record<CommandType, Component>;

const anyData = Type.Unsafe({
  anyOf: [...new Set(Object.values(data))].map(({ name }) => ({ $ref: `${name}#` })),
});

/** The result of a batch that mixes commands. */
export const mixedResult = component('MixedResult', strict(batch(anyData)));

/** A batch whose process died, as far as the books show what it did: see docs/http.md. */
export const interruptedBatch = component(
  'InterruptedBatch',
  strict({
    batchId: Type.String(),
    status: Type.Literal('interrupted'),
    counts: strict({
      total: Type.Integer(),
      applied: Type.Integer(),
      appliedElsewhere: Type.Integer(),
      notApplied: Type.Integer(),
    }),
    results: Type.Array(
      Type.Unsafe({
        oneOf: [
          strict({ ...place, status: Type.Literal('applied'), data: anyData }),
          strict({
            ...place,
            status: Type.Literal('applied_elsewhere'),
            batchId: Type.Optional(Type.String({ description: 'Absent where it is not of the same key' })),
          }),
          strict({ ...place, status: Type.Literal('not_applied') }),
        ],
      }),
    ),
  }),
);

export const runningBatch = component(
  'RunningBatch',
  strict({ batchId: Type.String(), status: Type.Literal('running') }),
);

/** RFC 9457. The problem of a rejected atomic batch has its result as `batch`. */
export const problem = component(
  'Problem',
  Type.Object(
    {
      type: Type.String(),
      title: Type.String(),
      status: Type.Integer(),
      detail: Type.String(),
      code: Type.String({ description: 'Stable, lower_snake_case' }),
      retryable: Type.Boolean({ description: 'Whether the same call may succeed later as it is' }),
      errors: Type.Optional(
        Type.Array(
          strict({
            pointer: Type.Optional(Type.String({ description: 'RFC 6901, into the body' })),
            parameter: Type.Optional(Type.String()),
            header: Type.Optional(Type.String()),
            detail: Type.String(),
          }),
        ),
      ),
      batchId: Type.Optional(Type.String()),
    },
    { additionalProperties: true },
  ),
);
