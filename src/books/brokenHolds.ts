import { formatAmount } from '../money/amount.ts';
import { nameOf, type BrokenRows } from './broken.ts';
import { isOpen, requiredHold, spareHold } from './orders.ts';
import { holdId, keyOf, type Account, type Hold, type OrderRow, type OwnedId } from './rows.ts';

/**
 * Records as broken the holds that have more than their accounts have locked. Holds and `locked` only change together, so
 * no rule can then take more out of an account than it has locked.
 */
export function noteUncovered(
  broken: BrokenRows,
  accounts: ReadonlyMap<string, Account>,
  holds: ReadonlyMap<string, Hold>,
): void {
  const held = new Map<string, bigint>();
  const uncovered = new Set<string>();
  const accountOf = ({ userId, currency }: Hold): string => keyOf(userId, currency);
  const lockedIn = (account: string): bigint => accounts.get(account)?.locked ?? 0n;
  for (const hold of holds.values()) {
    const account = accountOf(hold);
    // A hold that alone exceeds `locked` is the broken one. If only the sum exceeds it, all holds of the account count as
    // broken.
    if (hold.amount > lockedIn(account)) uncovered.add(hold.key);
    else held.set(account, (held.get(account) ?? 0n) + hold.amount);
  }
  for (const [account, amount] of held) if (amount > lockedIn(account)) uncovered.add(account);
  if (uncovered.size === 0) return;
  for (const hold of holds.values()) {
    if (!uncovered.has(hold.key) && !uncovered.has(accountOf(hold))) continue;
    const { key, userId, orderId, currency } = hold;
    const problem = `account ${userId} ${currency} has less locked than its holds have`;
    broken.note('holds', key, problem);
    broken.note('ordersWithHolds', keyOf(userId, orderId), problem, nameOf('holds', key));
  }
}

/**
 * Records as broken the holds whose amount is not what their open orders need, among orders whose holds were all read. The
 * hold of a placed order always covers what the order needs, and only that order's commands change it.
 */
export function noteMisheld(
  broken: BrokenRows,
  orders: ReadonlyMap<string, OrderRow>,
  holds: ReadonlyMap<string, Hold>,
  withHolds: readonly OwnedId[],
): void {
  for (const { key, userId, id } of withHolds) {
    const order = orders.get(key);
    if (order === undefined || !isOpen(order.status)) continue;
    const { key: held } = holdId(userId, id, requiredHold(order).currency);
    const problem = misheld(order, holds.get(held));
    if (problem !== undefined) broken.note('ordersWithHolds', key, problem, nameOf('holds', held));
  }
}

function misheld(order: OrderRow, hold: Hold | undefined): string | undefined {
  if (hold !== undefined && hold.placed !== order.placed) {
    return hold.placed ? 'it was placed, and its order was not' : 'its order was placed, and it was not';
  }
  if (!order.placed) return undefined;
  const { currency, amount: needs } = requiredHold(order);
  const has = hold?.amount ?? 0n;
  if (has >= needs && has <= needs + spareHold(order)) return undefined;
  return `it has ${formatAmount(has, currency.scale)}, and its order needs ${formatAmount(needs, currency.scale)}`;
}
