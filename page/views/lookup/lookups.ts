import type { ViewOf } from '../views.ts';

/** The look-ups: users, orders, trades, batches, totals. */
export const lookups: readonly ViewOf[] = [];
