import { limits } from '../../limits.ts';
import { shortened, type Fault } from '../problem.ts';
import type { Caller } from './authenticate.ts';
import { currenciesOf, isUnbound, mayTouch } from '../../apiKeys/bounds.ts';
import { outOfBounds } from './errors.ts';
import { allows } from '../../apiKeys/scopes.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What a field of a body names, or each entry of a list of that name. A test compares them with every schema. */
export const NAMES: Readonly<Record<string, 'user' | 'market' | 'currency'>> = {
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

/** Lists of orders, which may be named by an id alone. */
const ORDERS: ReadonlySet<string> = new Set(['ids', 'orderIds']);

/**
 * Refuses a call that names what its key is not good for: users or markets that it is not bound to, and, where it writes,
 * accounts of the house.
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

function* faultsIn(caller: Caller, body: Fields, isWrite: boolean): Generator<Fault> {
  yield* faultsOf(caller, body, '', isWrite);
  for (const [name, list] of Object.entries(body)) {
    if (!Array.isArray(list)) continue;
    for (const [i, entry] of (list as unknown[]).entries()) {
      const pointer = `/${name}/${i}`;
      if (typeof entry === 'object' && entry !== null)
        yield* faultsOf(caller, entry as Fields, pointer, isWrite);
      else if (ORDERS.has(name) && !isUnbound.users(caller.bounds))
        yield { pointer, detail: 'must name its user, as { userId, id }: the key is bound to users' };
    }
  }
}

/** What is wrong with the fields of one object. */
function* faultsOf(caller: Caller, fields: Fields, at: string, isWrite: boolean): Generator<Fault> {
  for (const [name, kind] of Object.entries(NAMES)) {
    const value = fields[name];
    const named = Array.isArray(value) ? (value as unknown[]) : [value];
    for (const [i, one] of named.entries()) {
      // What is no text names nothing, and is refused elsewhere.
      const detail = typeof one === 'string' ? CHECKS[kind](caller, one, isWrite) : undefined;
      if (detail !== undefined)
        yield { pointer: `${at}/${name}${Array.isArray(value) ? `/${i}` : ''}`, detail };
    }
  }
}

/** What is wrong with a name, if anything is. */
type Check = (caller: Caller, name: string, isWrite: boolean) => string | undefined;

const CHECKS: Readonly<Record<(typeof NAMES)[string], Check>> = {
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
    : `must be of what the key is bound to, ${shortened(known.join(', '))}: got ${quoted(name)}`;

const quoted = (text: string): string => JSON.stringify(shortened(text));

/**
 * Refuses to tell what was found of markets that the key is not bound to: what is named by an id shows its market only then.
 *
 * @param pointer where the list stands, each of whose entries found some of it
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
