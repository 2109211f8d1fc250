import Type from 'typebox';
import type { CommandType, MixedItem } from '../../commands/index.ts';
import type { BatchOptions } from '../../engine/engine.ts';
import type { BatchResult } from '../../results.ts';
import type { Scope } from '../access/scopes.ts';
import type { Pincex } from '../../pincex.ts';
import type { App } from '../app.ts';
import type { BatchBody, Batches, Execute } from '../batches.ts';
import { oneOf, ref, strict, type Component } from '../schemas/common.ts';
import { items, mixedItem } from '../schemas/items.ts';
import { answers } from '../schemas/responses.ts';
import { batchResults, mixedResult, modes } from '../schemas/results.ts';

/** A batch of one command: its path, who may send it, and the call of the library that it makes. */
interface Write {
  readonly url: string;
  readonly type: CommandType;
  readonly scope: Scope;
  readonly summary: string;
  /** Its items come as the client sent them: the library looks at each. */
  readonly call: (pincex: Pincex, items: never[], options: BatchOptions) => Promise<BatchResult<unknown>>;
}

const WRITES: readonly Write[] = [
  {
    url: '/v1/accounts/batch-create',
    type: 'createAccount',
    scope: 'funds:write',
    summary: 'Open empty accounts',
    call: ({ bookkeeper }, items, options) => bookkeeper.batchCreateAccounts(items, options),
  },
  {
    url: '/v1/funds/batch-lock',
    type: 'lockFunds',
    scope: 'funds:write',
    summary: 'Lock funds for orders',
    call: ({ bookkeeper }, items, options) => bookkeeper.batchLockFunds(items, options),
  },
  {
    url: '/v1/funds/batch-unlock',
    type: 'unlockFunds',
    scope: 'funds:write',
    summary: 'Unlock funds',
    call: ({ bookkeeper }, items, options) => bookkeeper.batchUnlockFunds(items, options),
  },
  {
    url: '/v1/funds/batch-deposit',
    type: 'deposit',
    scope: 'funds:write',
    summary: 'Bring money in',
    call: ({ bookkeeper }, items, options) => bookkeeper.batchDeposit(items, options),
  },
  {
    url: '/v1/funds/batch-withdraw',
    type: 'withdraw',
    scope: 'funds:write',
    summary: 'Take money out',
    call: ({ bookkeeper }, items, options) => bookkeeper.batchWithdraw(items, options),
  },
  {
    url: '/v1/funds/batch-transfer',
    type: 'transfer',
    scope: 'funds:write',
    summary: 'Pass money on',
    call: ({ bookkeeper }, items, options) => bookkeeper.batchTransfer(items, options),
  },
  {
    url: '/v1/orders/batch-create',
    type: 'createOrder',
    scope: 'orders:write',
    summary: 'Store orders',
    call: ({ trading }, items, options) => trading.batchCreateOrders(items, options),
  },
  {
    url: '/v1/orders/batch-place',
    type: 'placeOrder',
    scope: 'orders:write',
    summary: 'Hold funds, store orders',
    call: ({ trading }, items, options) => trading.batchPlaceOrders(items, options),
  },
  {
    url: '/v1/orders/batch-cancel',
    type: 'cancelOrder',
    scope: 'orders:write',
    summary: 'Cancel, give holds back',
    call: ({ trading }, items, options) => trading.batchCancelOrders(items, options),
  },
  {
    url: '/v1/orders/batch-status',
    type: 'updateOrderStatus',
    scope: 'orders:write',
    summary: 'Move orders on',
    call: ({ trading }, items, options) => trading.batchUpdateOrderStatus(items, options),
  },
  {
    url: '/v1/trades/batch-settle',
    type: 'settleTrade',
    scope: 'orders:write',
    summary: 'Settle trades',
    call: ({ trading }, items, options) => trading.batchSettleTrades(items, options),
  },
];

/** Every route that changes the books. */
export function writeRoutes(app: App, pincex: Pincex, batches: Batches): void {
  for (const { url, type, scope, summary, call } of WRITES) {
    writeRoute(app, batches, {
      url,
      scopes: [scope],
      summary,
      item: items[type],
      result: batchResults[type],
      command: type,
      execute: (list, options) => call(pincex, list as never[], options),
    });
  }
  writeRoute(app, batches, {
    url: '/v1/batches',
    scopes: ['funds:write', 'orders:write'],
    summary: 'Commands of all kinds in one batch',
    item: mixedItem,
    result: mixedResult,
    execute: (list, options) => pincex.execute(list as MixedItem[], options),
  });
}

interface WriteRoute {
  readonly url: string;
  readonly scopes: readonly Scope[];
  readonly summary: string;
  readonly item: Component;
  readonly result: Component;
  /** Of all items; without it each names its own. */
  readonly command?: CommandType;
  readonly execute: Execute;
}

function writeRoute(
  app: App,
  batches: Batches,
  { url, scopes, summary, item, result, command, execute }: WriteRoute,
): void {
  app.post<{ Body: BatchBody }>(
    url,
    {
      config: { scope: scopes, isWrite: true, lists: ['items'] },
      schema: {
        summary,
        body: strict({
          items: Type.Array(ref(item)),
          mode: Type.Optional(oneOf(...modes)),
          batchId: Type.Optional(
            Type.String({ format: 'uuid', description: 'A UUID of yours, to ask for the outcome by' }),
          ),
        }),
        response: answers(ref(result)),
      },
    },
    (request, reply) => batches.run(request, reply, { route: url, command, execute }),
  );
}
