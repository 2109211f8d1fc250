export { Pincex } from './pincex.ts';
export type { PincexOptions } from './opening/options.ts';
export type { PincexTransaction } from './services/transaction.ts';
export { PincexError, type ErrorCode } from './errors.ts';
export { limits } from './limits.ts';
export { startService, type Service, type ServiceOptions } from './http/service.ts';
export type { Scope } from './apiKeys/scopes.ts';
export type { ApiKey, ApiKeyOptions, ApiKeys, CreatedKey } from './apiKeys/store.ts';
export type { Logger, LogLine } from './logging.ts';
export {
  PerformanceMonitor,
  type MetricsOptions,
  type OperationEnd,
  type StartedOperation,
} from './monitor/performanceMonitor.ts';
export type {
  ErrorRate,
  OperationMetrics,
  PerformanceMetrics,
  PhaseTimes,
  WindowedMetrics,
} from './monitor/figures.ts';
export type { Address } from './config/address.ts';
export {
  loadConfig,
  type Config,
  type LoadConfigOptions,
  type AlertsConfig,
  type RedisConfig,
  type ServiceConfig,
} from './config/load.ts';
export type { TransactionAnswer, TransactionClient, TransactionStatement } from './database/database.ts';
export type { Alert, AlertSeverity } from './alert.ts';
export type { ReadRun, ServerName, StatementRun } from './diagnostics.ts';
export type { Acknowledgement, Alerts } from './alerts/store.ts';
export type { Fresh, MinVersion, MinVersions } from './services/versions.ts';
export type { Strategy } from './engine/engine.ts';
export type { BatchOptions } from './engine/options.ts';
export type { BatchCounts, BatchMode, BatchResult, ItemError, ItemErrorCode, ItemResult } from './results.ts';
export type { CommandType, DataOf, ItemOf, MixedItem } from './commands/index.ts';
export type { AnyItem, JsonObject, JsonValue } from './commands/item.ts';
export type { CreateAccount } from './commands/createAccount.ts';
export type { LockFunds } from './commands/lockFunds.ts';
export type { UnlockFunds } from './commands/unlockFunds.ts';
export type { Deposit, Transfer, Withdraw } from './commands/transactions.ts';
export type { CreateOrder } from './commands/newOrder.ts';
export type { OrderOutcome } from './commands/createOrder.ts';
export type { PlaceOrder, PlaceOutcome } from './commands/placeOrder.ts';
export type { CancelOrder } from './commands/cancelOrder.ts';
export type { EndOutcome } from './commands/endOrder.ts';
export type { UpdateOrderStatus } from './commands/updateOrderStatus.ts';
export type { SettleTrade, TradeOutcome } from './commands/settleTrade.ts';
export { FEES, OUTSIDE, type Funds } from './books/funds.ts';
export type { OrderSide, OrderStatus, OrderType, TimeInForce } from './books/rows.ts';
export type { Catalog, Currency, Market, PriceBand } from './catalog/catalog.ts';
export type { CatalogStore } from './catalog/store.ts';
export type { BatchLookup, Lookup, OrderLookup, TradeLookup } from './services/lookup.ts';
export type { Bookkeeper } from './services/bookkeeper.ts';
export type { Trading } from './services/trading.ts';
export type { BrokenExpiry, Swept } from './services/sweeper.ts';
export type { AccountView } from './reads/accounts.ts';
export type { OrderKey } from './reads/readArguments.ts';
export type { OrderView, UserOrdersFilter } from './reads/orders.ts';
export type { TradeView } from './reads/trades.ts';
export type { StatementKey } from './reads/accountStatement.ts';
export type { Page, PageOptions, TimeRange } from './reads/page.ts';
export type { HoldView } from './reads/holds.ts';
export type { OrderFilter } from './reads/orderPages.ts';
export type { TradeFilter } from './reads/tradePages.ts';
export type { TransactionView } from './reads/transactions.ts';
export type { BatchCallView } from './reads/batchCalls.ts';
export type { OperationOutcomeView } from './reads/batchOperations.ts';
export type { CurrencyTotals, Sums } from './reads/totals.ts';
export type { JournalEntryView } from './reads/journal.ts';
export type { OperationView } from './reads/operations.ts';
export type { BookLevel, OrderBook } from './reads/orderBook.ts';
export type { OpenOrders } from './reads/openOrders.ts';
export type { RowStream, StreamOptions } from './streams/stream.ts';
export type { AuditFinding, AuditReport } from './audit/audit.ts';
export type { DoctorFinding, DoctorReport } from './doctor/report.ts';
