import Type from 'typebox';
import type { CommandType, MixedItem } from '../../commands/index.ts';
import type { BatchOptions } from '../../engine/engine.ts';
import type { BatchResult } from '../../results.ts';
import type { Scope } from '../../apiKeys/scopes.ts';
import type { Pincex } from '../../pincex.ts';
import type { App } from '../app.ts';
import type { BatchBody, Batches, Execute } from '../batches.ts';
import { body, oneOf, ref, type Component } from '../schemas/common.ts';
import type { Tag } from '../schemas/documented.ts';
import { itemExamples, mixedExample } from '../schemas/examples.ts';
import { items, mixedItem } from '../schemas/items.ts';
import { answers } from '../schemas/responses.ts';
import { batchResults, mixedResult, modes } from '../schemas/results.ts';

/** A batch of one command: its path, who may send it, and the call of the library that it makes. */
interface Write {
  readonly url: string;
  readonly type: CommandType;
  readonly operationId: string;
  readonly tag: Tag;
  readonly scope: Scope;
  readonly summary: string;
  /** Its items come as the client sent them: the library looks at each. */
  readonly call: (pincex: Pincex, items: never[], options: BatchOptions) => Promise<BatchResult<unknown>>;
}

/** In an order in which their examples succeed. */
const WRITES: readonly Write[] = [
  {
    url: '/v1/accounts/batch-create',
    type: 'createAccount',
    operationId: 'batchCreateAccounts',
    tag: 'Accounts',
    scope: 'funds:write',
    summary: 'Open empty accounts',
    call: ({ bookkeeper }, items, options) => bookkeeper.batchCreateAccounts(items, options),
  },
  {
    url: '/v1/funds/batch-deposit',
    type: 'deposit',
    operationId: 'batchDeposit',
    tag: 'Funds',
    scope: 'funds:write',
    summary: 'Bring money in',
    call: ({ bookkeeper }, items, options) => bookkeeper.batchDeposit(items, options),
  },
  {
    url: '/v1/funds/batch-withdraw',
    type: 'withdraw',
    operationId: 'batchWithdraw',
    tag: 'Funds',
    scope: 'funds:write',
    summary: 'Take money out',
    call: ({ bookkeeper }, items, options) => bookkeeper.batchWithdraw(items, options),
  },
  {
    url: '/v1/funds/batch-transfer',
    type: 'transfer',
    operationId: 'batchTransfer',
    tag: 'Funds',
    scope: 'funds:write',
    summary: 'Pass money on',
    call: ({ bookkeeper }, items, options) => bookkeeper.batchTransfer(items, options),
  },
  {
    url: '/v1/funds/batch-lock',
    type: 'lockFunds',
    operationId: 'batchLockFunds',
    tag: 'Funds',
    scope: 'funds:write',
    summary: 'Lock funds for orders',
    call: ({ bookkeeper }, items, options) => bookkeeper.batchLockFunds(items, options),
  },
  {
    url: '/v1/funds/batch-unlock',
    type: 'unlockFunds',
    operationId: 'batchUnlockFunds',
    tag: 'Funds',
    scope: 'funds:write',
    summary: 'Unlock funds',
    call: ({ bookkeeper }, items, options) => bookkeeper.batchUnlockFunds(items, options),
  },
  {
    url: '/v1/orders/batch-create',
    type: 'createOrder',
    operationId: 'batchCreateOrders',
    tag: 'Orders',
    scope: 'orders:write',
    summary: 'Store orders',
    call: ({ trading }, items, options) => trading.batchCreateOrders(items, options),
  },
  {
    url: '/v1/orders/batch-place',
    type: 'placeOrder',
    operationId: 'batchPlaceOrders',
    tag: 'Orders',
    scope: 'orders:write',
    summary: 'Hold funds, store orders',
    call: ({ trading }, items, options) => trading.batchPlaceOrders(items, options),
  },
  {
    url: '/v1/orders/batch-cancel',
    type: 'cancelOrder',
    operationId: 'batchCancelOrders',
    tag: 'Orders',
    scope: 'orders:write',
    summary: 'Cancel, give holds back',
    call: ({ trading }, items, options) => trading.batchCancelOrders(items, options),
  },
  {
    url: '/v1/orders/batch-status',
    type: 'updateOrderStatus',
    operationId: 'batchUpdateOrderStatus',
    tag: 'Orders',
    scope: 'orders:write',
    summary: 'Move orders on',
    call: ({ trading }, items, options) => trading.batchUpdateOrderStatus(items, options),
  },
  {
    url: '/v1/trades/batch-settle',
    type: 'settleTrade',
    operationId: 'batchSettleTrades',
    tag: 'Trades',
    scope: 'orders:write',
    summary: 'Settle trades',
    call: ({ trading }, items, options) => trading.batchSettleTrades(items, options),
  },
];

/** Every route that changes the books. */
export function writeRoutes(app: App, pincex: Pincex, batches: Batches): void {
  for (const { url, type, operationId, tag, scope, summary, call } of WRITES) {
    writeRoute(app, batches, {
      url,
      scopes: [scope],
      operationId,
      tag,
      summary,
      item: items[type],
      example: itemExamples[type],
      result: batchResults[type],
      command: type,
      execute: (list, options) => call(pincex, list as never[], options),
    });
  }
  writeRoute(app, batches, {
    url: '/v1/batches',
    scopes: ['funds:write', 'orders:write'],
    operationId: 'executeBatch',
    tag: 'Batches',
    summary: 'Commands of all kinds in one batch',
    item: mixedItem,
    example: mixedExample,
    result: mixedResult,
    execute: (list, options) => pincex.execute(list as MixedItem[], options),
  });
}

interface WriteRoute {
  readonly url: string;
  readonly scopes: readonly Scope[];
  readonly operationId: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly item: Component;
  readonly example: readonly object[];
  readonly result: Component;
  /** Of all items; without it each names its own. */
  readonly command?: CommandType;
  readonly execute: Execute;
}

function writeRoute(
  app: App,
  batches: Batches,
  { url, scopes, operationId, tag, summary, item, example, result, command, execute }: WriteRoute,
): void {
  app.post<{ Body: BatchBody }>(
    url,
    {
      config: { scope: scopes, isWrite: true, lists: ['items'] },
      schema: {
        operationId,
        tags: [tag],
        summary,
        body: body(
          {
            items: Type.Array(ref(item)),
            mode: Type.Optional(oneOf(...modes)),
            batchId: Type.Optional(
              Type.String({ format: 'uuid', description: 'A UUID of yours, to ask for the outcome by' }),
            ),
          },
          { items: example },
        ),
        response: answers(ref(result)),
      },
    },
    (request, reply) => batches.run(request, reply, { route: url, command, execute }),
  );
}
