/** The names under which reads are measured: those of the methods, in snake case. */
const READS = [
  'batch_get_accounts',
  'batch_get_account_statements',
  'batch_get_orders_by_ids',
  'batch_get_user_orders',
  'batch_get_open_orders_by_users',
  'batch_get_open_orders',
  'batch_get_order_books',
  'batch_get_trades_by_order_ids',
  'get_user_accounts',
  'list_entries',
  'list_holds',
  'get_holds',
  'list_orders',
  'list_trades',
  'list_order_trades',
  'list_transactions',
  'look_up_order',
  'find_orders',
  'look_up_trade',
  'look_up_batch',
  'get_totals',
  'stream_accounts',
  'stream_orders',
  'stream_trades',
  'stream_journal',
  'stream_operations',
] as const;

export type ReadOperation = (typeof READS)[number];

/** All names of reads. */
export const readOperations: ReadonlySet<string> = new Set(READS);
