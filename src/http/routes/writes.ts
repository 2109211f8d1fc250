import Type from 'typebox';
import type { BatchType, CommandType } from '../../commands/index.ts';
import type { Scope } from '../../apiKeys/scopes.ts';
import type { App } from '../app.ts';
import type { BatchBody, Batches } from '../calls/batches.ts';
import { body, oneOf, ref, type Component } from '../schemas/common.ts';
import type { Tag } from '../document/operation.ts';
import { itemExamples, mixedExample } from '../schemas/examples.ts';
import { items, mixedItem } from '../schemas/items.ts';
import { answers } from '../schemas/responses.ts';
import { batchResults, mixedResult, modes } from '../schemas/results.ts';

/** A route that executes batches of one command. */
interface WriteDefinition {
  readonly url: string;
  readonly type: CommandType;
  readonly operationId: string;
  readonly tag: Tag;
  readonly scope: Scope;
  readonly summary: string;
}

/** In this order their examples succeed one after the other. */
const WRITES: readonly WriteDefinition[] = [
  {
    url: '/v1/accounts/batch-create',
    type: 'createAccount',
    operationId: 'batchCreateAccounts',
    tag: 'Accounts',
    scope: 'funds:write',
    summary: 'Open empty accounts',
  },
  {
    url: '/v1/funds/batch-deposit',
    type: 'deposit',
    operationId: 'batchDeposit',
    tag: 'Funds',
    scope: 'funds:write',
    summary: 'Bring money in',
  },
  {
    url: '/v1/funds/batch-withdraw',
    type: 'withdraw',
    operationId: 'batchWithdraw',
    tag: 'Funds',
    scope: 'funds:write',
    summary: 'Take money out',
  },
  {
    url: '/v1/funds/batch-transfer',
    type: 'transfer',
    operationId: 'batchTransfer',
    tag: 'Funds',
    scope: 'funds:write',
    summary: 'Pass money on',
  },
  {
    url: '/v1/funds/batch-lock',
    type: 'lockFunds',
    operationId: 'batchLockFunds',
    tag: 'Funds',
    scope: 'funds:write',
    summary: 'Lock funds for orders',
  },
  {
    url: '/v1/funds/batch-unlock',
    type: 'unlockFunds',
    operationId: 'batchUnlockFunds',
    tag: 'Funds',
    scope: 'funds:write',
    summary: 'Unlock funds',
  },
  {
    url: '/v1/orders/batch-create',
    type: 'createOrder',
    operationId: 'batchCreateOrders',
    tag: 'Orders',
    scope: 'orders:write',
    summary: 'Store orders',
  },
  {
    url: '/v1/orders/batch-place',
    type: 'placeOrder',
    operationId: 'batchPlaceOrders',
    tag: 'Orders',
    scope: 'orders:write',
    summary: 'Hold funds, store orders',
  },
  {
    url: '/v1/orders/batch-cancel',
    type: 'cancelOrder',
    operationId: 'batchCancelOrders',
    tag: 'Orders',
    scope: 'orders:write',
    summary: 'Cancel, give holds back',
  },
  {
    url: '/v1/orders/batch-status',
    type: 'updateOrderStatus',
    operationId: 'batchUpdateOrderStatus',
    tag: 'Orders',
    scope: 'orders:write',
    summary: 'Move orders on',
  },
  {
    url: '/v1/trades/batch-settle',
    type: 'settleTrade',
    operationId: 'batchSettleTrades',
    tag: 'Trades',
    scope: 'orders:write',
    summary: 'Settle trades',
  },
];

/** Routes that change the books. */
export function writeRoutes(app: App, batches: Batches): void {
  for (const { url, type, operationId, tag, scope, summary } of WRITES) {
    writeRoute(app, batches, {
      url,
      scopes: [scope],
      operationId,
      tag,
      summary,
      item: items[type],
      example: itemExamples[type],
      result: batchResults[type],
      type,
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
    type: 'mixed',
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
  readonly type: BatchType;
}

function writeRoute(
  app: App,
  batches: Batches,
  { url, scopes, operationId, tag, summary, item, example, result, type }: WriteRoute,
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
    (request, reply) => batches.run(request, reply, { route: url, type }),
  );
}
