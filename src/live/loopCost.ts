import type { LoopCost, LoopCosts } from './frame.ts';
import type { PerformanceMetrics } from '../monitor/figures.ts';

/**
 * Statements that a loop of single calls sends for each item, with BEGIN and COMMIT. `lockFunds` and `updateOrderStatus` are those
 * of the loops that the benchmarks run (bench/loops.ts), the others are counted by the same scheme: look up the item's id, lock each
 * row, write each row and its journal entry, and remember the id. A read is one statement for each key.
 */
const STATEMENTS: ReadonlyMap<string, number> = new Map([
  ['batch_create_accounts', 5],
  ['batch_deposit', 8],
  ['batch_withdraw', 8],
  ['batch_transfer', 11],
  ['batch_lock_funds', 8],
  ['batch_unlock_funds', 9],
  ['batch_create_orders', 7],
  ['batch_place_orders', 9],
  ['batch_cancel_orders', 11],
  ['batch_update_order_status', 6],
  // Two orders, their holds, and the four accounts of buyer and seller; fees would add three for each account.
  ['batch_settle_trades', 26],
  // The least of any command, since it is not told which ones it mixed.
  ['execute', 5],
  ['sweep_expired', 8],
  ['batch_get_accounts', 1],
  ['batch_get_account_statements', 1],
  ['batch_get_orders_by_ids', 1],
  ['batch_get_user_orders', 1],
  ['batch_get_open_orders_by_users', 1],
  ['batch_get_open_orders', 1],
  ['batch_get_order_books', 1],
  ['batch_get_trades_by_order_ids', 1],
  // Look-ups are single calls anyway.
  ['get_user_accounts', 1],
  ['list_entries', 1],
  ['list_holds', 1],
  ['get_holds', 1],
  ['list_orders', 1],
  ['list_trades', 1],
  ['list_order_trades', 1],
  ['list_transactions', 1],
  ['look_up_order', 3],
  ['find_orders', 1],
  ['look_up_trade', 2],
  ['look_up_batch', 2],
  ['get_totals', 1],
  // A page of a stream is one item.
  ['stream_accounts', 1],
  ['stream_orders', 1],
  ['stream_trades', 1],
  ['stream_journal', 1],
  ['stream_operations', 1],
]);

/** Statements of a loop for each item of an operation; undefined for operations of the caller's own. */
export const statementsOfLoop = (operation: string): number | undefined => STATEMENTS.get(operation);

/**
 * Compares the operations since the start with loops of single calls.
 *
 * @param statementMs how long one small statement takes, by which the time of a loop is estimated
 */
export function loopCosts({ byOperation }: PerformanceMetrics, statementMs: number): LoopCosts {
  const all = { statements: 0, wouldBeStatements: 0, ms: 0, wouldBeMs: 0 };
  const costs: Record<string, LoopCost> = {};
  for (const [operation, { items, statements, totalMs }] of Object.entries(byOperation)) {
    const ofItem = statementsOfLoop(operation);
    if (ofItem === undefined) continue;
    const wouldBeStatements = items * ofItem;
    const cost = { statements, wouldBeStatements, ms: totalMs, wouldBeMs: wouldBeStatements * statementMs };
    costs[operation] = cost;
    for (const figure of ['statements', 'wouldBeStatements', 'ms', 'wouldBeMs'] as const)
      all[figure] += cost[figure];
  }
  return { ...all, byOperation: costs };
}
