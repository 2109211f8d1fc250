import { limits } from '../../limits.ts';
import { quoted, shortened, type Fault } from '../problems/problem.ts';
import type { Caller } from './authenticate.ts';
import { currenciesOf, isUnbound, mayTouch } from '../../apiKeys/bounds.ts';
import { outOfBounds } from './errors.ts';
import { allows } from '../../apiKeys/scopes.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Fields of a body, or lists of them, that name a user, market or currency. A test compares them with all schemas. */
export const NAMING_FIELDS: Readonly<Record<string, 'user' | 'market' | 'currency'>> = {
  userId: 'user',
  toUserId: 'user',
  buyUserId: 'user',
  sellUserId: 'user',
  userIds: 'user',
  symbol: 'market',
  symbols: 'market',
  currency: 'currency',
  currencies: 'currency',
};

/** Lists of orders. An order may be named by its id alone, without its user. */
const ORDER_LISTS: ReadonlySet<string> = new Set(['ids', 'orderIds']);

/**
 * Refuses a call that names users or markets outside the bounds of its key, or, if it writes, accounts of the house without
 * the scope `house`.
 *
 * @throws Problem `forbidden`, which names each place
 */
export function requireWithin(caller: Caller, body: unknown, isWrite: boolean): void {
  const { bounds } = caller;
  const isOpen = isUnbound.users(bounds) && isUnbound.markets(bounds);
  const mayHouse = !isWrite || allows(caller, 'house');
  if ((isOpen && mayHouse) || typeof body !== 'object' || body === null) return;
  const faults: Fault[] = [];
  for (const fault of faultsIn(caller, body as Fields, isWrite)) {
    faults.push(fault);
    if (faults.length === limits.http.mistakes) break;
  }
  const [first, ...others] = faults;
  if (first !== undefined) throw outOfBounds([first, ...others]);
}

/**
 * Refuses a call whose parameters, those of the path or the query, name users or markets outside the bounds of its key.
 *
 * @param needsMarket whether the call answers for all markets unless it names one
 * @throws Problem `forbidden`, which names each parameter
 */
export function requireParametersWithin(caller: Caller, parameters: Fields, needsMarket: boolean): void {
  const faults = [...faultsOf(caller, parameters, '', false)].map(({ pointer = '', detail }): Fault => {
    return { parameter: pointer.slice(1), detail };
  });
  if (needsMarket && !isUnbound.markets(caller.bounds) && parameters['symbol'] === undefined)
    faults.push({ parameter: 'symbol', detail: 'is needed: the key is bound to markets' });
  const [first, ...others] = faults;
  if (first !== undefined) throw outOfBounds([first, ...others]);
}

function* faultsIn(caller: Caller, body: Fields, isWrite: boolean): Generator<Fault> {
  yield* faultsOf(caller, body, '', isWrite);
  for (const [name, list] of Object.entries(body)) {
    if (!Array.isArray(list)) continue;
    for (const [i, entry] of (list as unknown[]).entries()) {
      const pointer = `/${name}/${i}`;
      if (typeof entry === 'object' && entry !== null)
        yield* faultsOf(caller, entry as Fields, pointer, isWrite);
      else if (ORDER_LISTS.has(name) && !isUnbound.users(caller.bounds))
        yield { pointer, detail: 'must name its user, as { userId, id }: the key is bound to users' };
    }
  }
}

/** Faults in the fields of one object. */
function* faultsOf(caller: Caller, fields: Fields, at: string, isWrite: boolean): Generator<Fault> {
  for (const [name, kind] of Object.entries(NAMING_FIELDS)) {
    const value = fields[name];
    const named = Array.isArray(value) ? (value as unknown[]) : [value];
    for (const [i, one] of named.entries()) {
      // A value that is no string fails validation of the item.
      const detail = typeof one === 'string' ? CHECKS[kind](caller, one, isWrite) : undefined;
      if (detail !== undefined)
        yield { pointer: `${at}/${name}${Array.isArray(value) ? `/${i}` : ''}`, detail };
    }
  }
}

/** Returns what is wrong with a name, or undefined. */
type Check = (caller: Caller, name: string, isWrite: boolean) => string | undefined;

const CHECKS: Readonly<Record<(typeof NAMING_FIELDS)[string], Check>> = {
  user(caller, userId, isWrite) {
    if (isWrite && userId.startsWith('@') && !allows(caller, 'house'))
      return `is an account of the house, which takes the scope house: got ${quoted(userId)}`;
    return mayTouch(caller.bounds, userId)
      ? undefined
      : `must be a user that the key is bound to: got ${quoted(userId)}`;
  },
  market: ({ bounds: { markets } }, symbol) => outsideOf(markets, symbol),
  currency: ({ bounds: { markets } }, code) => outsideOf(markets && currenciesOf(markets), code),
};

const outsideOf = (known: readonly string[] | null, name: string): string | undefined =>
  known === null || known.includes(name)
    ? undefined
    : `must be one that the key is bound to, ${shortened(known.join(', '))}: got ${quoted(name)}`;

/**
 * Refuses to return rows of markets outside the bounds of the key: rows that are named by an id show their market only once
 * they are read.
 *
 * @param pointer the list of the body whose entries named the rows
 * @throws Problem `forbidden`
 */
export function requireFoundWithin(
  { bounds: { markets } }: Caller,
  pointer: string,
  found: readonly (readonly ({ readonly symbol: string } | null)[])[],
): void {
  if (markets === null) return;
  const [first, ...others] = found.flatMap((rows, i): Fault[] => {
    const outside = rows.find((row) => row !== null && !markets.includes(row.symbol));
    const detail = `is of ${outside?.symbol ?? ''}, and the key is bound to ${shortened(markets.join(', '))}`;
    return outside == null ? [] : [{ pointer: `${pointer}/${i}`, detail }];
  });
  if (first !== undefined) throw outOfBounds([first, ...others.slice(0, limits.http.mistakes - 1)]);
}
