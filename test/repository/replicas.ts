import { afterAll, afterEach, beforeAll } from 'vitest';
import {
  Pincex,
  type AccountView,
  type OrderView,
  type PlaceOrder,
  type StatementRun,
} from '../../src/index.ts';
import { configOf, expectApplied, expectBalanced, fresh, newUser } from '../support/books.ts';
import { TestReplica } from '../support/replica.ts';
import { LASTING, UNCACHED, usdOf, waitPatiently } from './support.ts';

/** Books with a replica, which tests let fall behind, and processes that read from it. */

/** A process that reads from the replica, and the statements that it has run, such as `replica get-accounts 3`. */
export interface Process {
  readonly pincex: Pincex;
  readonly statements: string[];
}

const opened: Pincex[] = [];

export async function open(
  { primaryUrl, replicaUrl }: Pick<TestReplica, 'primaryUrl' | 'replicaUrl'>,
  environment: Record<string, string> = {},
): Promise<Process> {
  const statements: string[] = [];
  const pincex = await Pincex.open({
    config: configOf(primaryUrl, { PINCEX_DATABASE_READ_URL: replicaUrl, ...environment }),
    onStatement: ({ server, name, rows }: StatementRun) => statements.push(`${server} ${name} ${rows}`),
  });
  opened.push(pincex);
  return { pincex, statements };
}

/** The result of a call, and the statements that it ran. */
export async function traced<Result>(
  { statements }: Process,
  call: () => Promise<Result>,
): Promise<{ result: Result; ran: string[] }> {
  statements.length = 0;
  const result = await call();
  return { result, ran: [...statements] };
}

export const onReplica = (ran: readonly string[]): string[] => ran.filter((run) => run.startsWith('replica'));
export const onPrimary = (ran: readonly string[]): string[] => ran.filter((run) => run.startsWith('primary'));

export let servers: TestReplica;
/** A process without a cache, one with a cache, and one that writes beside them and tells neither what it commits. */
export let uncached: Process;
export let cached: Process;
export let writer: Process;

/** Starts the servers for a test file, and opens the processes. After every test the books are audited. */
export function useReplica(): void {
  beforeAll(async () => {
    waitPatiently();
    servers = await TestReplica.start();
    uncached = await open(servers, UNCACHED);
    cached = await open(servers, LASTING);
    writer = await open(servers, UNCACHED);
    // The accounts of the outside world and of fees are created only once.
    await newUser(writer.pincex, { USD: '1', BTC: '1' });
  });
  afterEach(async () => {
    await servers.resumeReplay();
    await expectBalanced(writer.pincex);
  });
  afterAll(async () => {
    await Promise.all(opened.map((pincex) => pincex.close()));
    await servers.remove();
  });
}

/** Withdraws 1 USD; returns the new version of the account. */
export async function withdraw({ pincex }: Process, userId: string): Promise<number> {
  const { results } = await pincex.bookkeeper.batchWithdraw([
    { id: fresh('out'), userId, currency: 'USD', amount: '1' },
  ]);
  const [result] = results;
  if (result?.status !== 'applied') throw new Error('The withdrawal was not applied');
  return result.data.version;
}

export const orderOf = (userId: string, side: 'buy' | 'sell' = 'buy'): PlaceOrder => ({
  id: fresh('order'),
  userId,
  symbol: 'BTC/USD',
  side,
  type: 'limit',
  quantity: '0.1',
  price: '100.00',
});

export async function place({ pincex }: Process, order: PlaceOrder): Promise<void> {
  expectApplied(await pincex.trading.batchPlaceOrders([order]));
}

export async function cancel({ pincex }: Process, { userId, id }: PlaceOrder): Promise<void> {
  expectApplied(await pincex.trading.batchCancelOrders([{ id: fresh('cancel'), userId, orderId: id }]));
}

export const availableOf = (account: AccountView | null | undefined): string | undefined =>
  account?.available;
export const statusOf = (order: OrderView | null | undefined): string | undefined => order?.status;

export const usd = ({ pincex }: Process, userId: string): Promise<string | undefined> =>
  usdOf(pincex, userId);

/** Every kind of read, for one user with one order. */
export const readsOf = ({ pincex }: Process, { userId, id }: PlaceOrder) => ({
  account: async () => availableOf(await pincex.bookkeeper.getAccount(userId, 'USD')),
  accounts: async () => (await pincex.bookkeeper.batchGetAccounts([userId], ['USD'])).map(availableOf).join(),
  order: async () => statusOf(await pincex.trading.getOrder(id)),
  orders: async () => (await pincex.trading.batchGetOrdersByIds([id])).map(statusOf).join(),
  ofUser: async () => (await pincex.trading.getUserOrders(userId)).map(statusOf).join(),
  ofUsers: async () => (await pincex.trading.batchGetUserOrders([userId])).flat().map(statusOf).join(),
  cancelled: async () =>
    (await pincex.trading.getUserOrders(userId, { statuses: ['cancelled'] })).map(statusOf).join(),
  open: async () => (await pincex.trading.batchGetOpenOrdersByUsers([userId])).flat().map(statusOf).join(),
  trades: async () => (await pincex.trading.batchGetTradesByOrderIds([{ userId, id }])).flat().length,
});

export async function readAll(process: Process, order: PlaceOrder): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(readsOf(process, order))) found[name] = await read();
  return found;
}

export const WHILE_OPEN = {
  account: '90',
  accounts: '90',
  order: 'open',
  orders: 'open',
  ofUser: 'open',
  ofUsers: 'open',
  cancelled: '',
  open: 'open',
  trades: 0,
};
export const WHEN_CANCELLED = {
  account: '100',
  accounts: '100',
  order: 'cancelled',
  orders: 'cancelled',
  ofUser: 'cancelled',
  ofUsers: 'cancelled',
  cancelled: 'cancelled',
  open: '',
  trades: 0,
};
