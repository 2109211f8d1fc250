import type { Market } from '../catalog/catalog.ts';
import type { Deposit } from '../commands/transactions.ts';
import { hash, MARKET_MAKER } from './users.ts';

/** The funds of the users: `ample`, so that no order is refused, or `tight`, so that some are. */
export type Funding = 'ample' | 'tight';

/** More than a hundred of the largest orders that a recording can contain, at the highest price, would need. */
const AMPLE = '1000000000000000000000000';

/** The funds of small, middling and large users, in base and quote. */
const PURSES = [
  ['10', '2500'],
  ['40', '10000'],
  ['160', '40000'],
  ['640', '160000'],
] as const;

/** The deposits at the beginning of a replay. Because of their ids they are applied once. */
export function deposits(funding: Funding, market: Market, userIds: readonly string[]): Deposit[] {
  return [
    ...depositsOf(MARKET_MAKER, 'ample', market),
    ...userIds.flatMap((userId) => depositsOf(userId, funding, market)),
  ];
}

function depositsOf(userId: string, funding: Funding, market: Market): Deposit[] {
  const tight = PURSES[hash(userId) % PURSES.length] ?? PURSES[0];
  const [base, quote] = funding === 'ample' ? [AMPLE, AMPLE] : tight;
  return [
    { id: `replay/${funding}/${market.base.code}`, userId, currency: market.base.code, amount: base },
    { id: `replay/${funding}/${market.quote.code}`, userId, currency: market.quote.code, amount: quote },
  ];
}
