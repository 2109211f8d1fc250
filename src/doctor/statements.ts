import {
  insertCurrency,
  insertMarket,
  readCurrencies,
  readMarkets,
  updateMinNotional,
  updatePriceBand,
} from '../catalog/store.ts';
import type { Statement } from '../database/statement.ts';
import { loadAll } from '../engine/load.ts';
import { lockAccounts, lockOrders } from '../engine/postgres/locks.ts';
import { findOrphans } from '../engine/postgres/orphans.ts';
import { persistAll } from '../engine/persist.ts';
import * as alerts from '../alerts/statements.ts';
import * as requests from '../requests/statements.ts';
import { findApiKeys, insertApiKey, insertFirstApiKey, listApiKeys, revokeApiKey } from '../apiKeys/store.ts';
import { getAccounts } from '../reads/accounts.ts';
import { getAccountStatements } from '../reads/accountStatement.ts';
import { getBatchCall } from '../reads/batchCalls.ts';
import { batchOperationPages, getOperationsById } from '../reads/batchOperations.ts';
import { entryPages, getAccountsAt, getVersionsBefore } from '../reads/entryPages.ts';
import { getHoldsOfOrder, holdPages } from '../reads/holds.ts';
import { countOpenOrders, getOpenOrders } from '../reads/openOrders.ts';
import { getOrderBooks } from '../reads/orderBook.ts';
import { orderPages } from '../reads/orderPages.ts';
import { getOrdersByIds, getUserOrdersBy } from '../reads/orders.ts';
import { getOrdersOfAnyUser } from '../reads/sameOrders.ts';
import { getTotals } from '../reads/totals.ts';
import { getTradesById, orderTradePages, userTradePages } from '../reads/tradePages.ts';
import { countTradesOfOrders, getTradesByOrders } from '../reads/trades.ts';
import { transactionPages } from '../reads/transactions.ts';
import { getUserAccounts } from '../reads/userAccounts.ts';
import { ping } from '../migrations/history.ts';
import { readProcesses } from '../monitor/processes.ts';
import { deleteOldProcesses, writeProcess } from '../monitor/reporter.ts';
import { findExpiredHolds, findExpiredOrders } from '../services/sweeper.ts';
import * as streams from '../streams/sources.ts';

/** A statement that the system issues, and how it may find its rows. */
export interface IssuedStatement extends Statement {
  /** The indexes that it may use. Default: the primary key of each table. */
  readonly by?: readonly string[];
  /** Set if the statement is meant to read its table whole. */
  readonly isWhole?: true;
}

const pagesBy = (pages: Readonly<Record<string, Statement>>, index: string): IssuedStatement[] =>
  Object.values(pages).map((statement) => ({ ...statement, by: [index] }));

/**
 * Every statement that runs while the books are open. The two statements of a batch are listed once, with all their parts: a
 * batch sends the parts that it needs, and PostgreSQL plans each part by itself. Left out are statements without a plan (BEGIN,
 * COMMIT, savepoints), and those of the audit and the migrations, which are meant to read tables whole.
 */
export const issuedStatements: readonly IssuedStatement[] = [
  loadAll,
  persistAll,
  lockAccounts,
  lockOrders,
  findOrphans,
  getAccounts,
  { ...getOrdersByIds, by: ['orders_pkey', 'orders_id'] },
  { ...getUserOrdersBy.all, by: ['orders_user_created'] },
  { ...getUserOrdersBy.byStatus, by: ['orders_user_status'] },
  { ...getUserOrdersBy.bySymbol, by: ['orders_user_symbol'] },
  { ...getTradesByOrders, by: ['trades_order', 'orders_pkey'] },
  { ...countTradesOfOrders, by: ['trades_order', 'orders_id'] },
  { ...getOrderBooks, by: ['orders_book'] },
  getAccountStatements,
  getUserAccounts,
  { ...getAccountsAt, by: ['accounts_pkey', 'journal_pkey'] },
  { ...getVersionsBefore, by: ['accounts_pkey', 'journal_pkey'] },
  ...Object.values(entryPages),
  ...Object.values(holdPages),
  getHoldsOfOrder,
  ...pagesBy(orderPages.all, 'orders_user_created'),
  ...pagesBy(orderPages.byStatus, 'orders_user_status'),
  ...pagesBy(orderPages.bySymbol, 'orders_user_symbol'),
  ...pagesBy(userTradePages, 'trades_user'),
  ...pagesBy(orderTradePages, 'trades_order'),
  ...pagesBy(transactionPages, 'transactions_user'),
  ...Object.values(batchOperationPages),
  getOperationsById,
  { ...getOrdersOfAnyUser, by: ['orders_id'] },
  getTradesById,
  getBatchCall,
  { ...getTotals, isWhole: true },
  { ...getOpenOrders, by: ['orders_book'] },
  { ...countOpenOrders, by: ['orders_book'] },
  { ...findExpiredOrders, by: ['orders_expiry'] },
  { ...findExpiredHolds, by: ['holds_expiry'] },
  ...Object.values(streams).map(({ page }) => page),
  requests.insertRequest,
  { ...requests.readRequests, by: ['requests_pkey', 'requests_key'] },
  requests.takeOverRequest,
  requests.finishRequest,
  requests.renewLeases,
  requests.insertFinishedRequest,
  requests.releaseRequest,
  { ...requests.deleteExpiredRequests, by: ['requests_expiry'] },
  requests.deleteExpiredRequest,
  requests.readOutcome,
  requests.readOperationOutcomes,
  requests.addUsage,
  { ...requests.readUsage, isWhole: true },
  { ...requests.deleteExpiredUsage, isWhole: true },
  { ...readCurrencies, isWhole: true },
  { ...readMarkets, isWhole: true },
  insertCurrency,
  insertMarket,
  updateMinNotional,
  updatePriceBand,
  findApiKeys,
  { ...listApiKeys, isWhole: true },
  insertApiKey,
  { ...insertFirstApiKey, isWhole: true },
  revokeApiKey,
  ...Object.values(alerts)
    .filter((statement) => statement !== alerts.observeBooks)
    .map((statement) => ({ ...statement, isWhole: true as const })),
  { ...alerts.observeBooks, by: ['holds_expiry', 'last_audit_pkey'] },
  writeProcess,
  { ...deleteOldProcesses, isWhole: true },
  { ...readProcesses, isWhole: true },
  { ...ping, isWhole: true },
];
