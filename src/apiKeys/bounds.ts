import { BlockList, isIP, isIPv4 } from 'node:net';
import { FEES } from '../books/funds.ts';
import { isId } from '../commands/fields.ts';
import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';
import { isArray } from '../lists.ts';

/** The users and markets that a key may touch, and the addresses that it may be used from. */
export interface KeyBounds {
  /** Users that the key may touch, besides those of {@link userPrefix}. If both are `null`, it may touch every user. */
  readonly users: readonly string[] | null;
  /** The key may touch users whose ids begin with this. */
  readonly userPrefix: string | null;
  /** Markets that the key may touch, with their currencies; `null` for all. */
  readonly markets: readonly string[] | null;
  /** Addresses and networks that the key may be used from; `null` for any. */
  readonly addresses: readonly string[] | null;
}

/** Whether a key with these bounds may touch every user, or every market. */
export const isUnbound = {
  users: ({ users, userPrefix }: KeyBounds): boolean => users === null && userPrefix === null,
  markets: ({ markets }: KeyBounds): boolean => markets === null,
} as const;

/** Whether a key with these bounds may touch the user. */
export function mayTouch(bounds: KeyBounds, userId: string): boolean {
  if (isUnbound.users(bounds)) return true;
  const { users, userPrefix } = bounds;
  return users?.includes(userId) === true || (userPrefix !== null && userId.startsWith(userPrefix));
}

/** The currencies of markets. A symbol reads BASE/QUOTE. */
export const currenciesOf = (markets: readonly string[]): readonly string[] => [
  ...new Set(markets.flatMap((symbol) => symbol.split('/'))),
];

/** Whether a key may be used from an address. An IPv4-mapped IPv6 address counts as the IPv4 address. */
export function isFrom(addresses: readonly string[], address: string): boolean {
  let list = lists.get(addresses);
  if (list === undefined) lists.set(addresses, (list = listOf(addresses)));
  // For a link-local address the socket adds the interface, as in fe80::1%eth0.
  const [plain = ''] = address.split('%');
  return isIP(plain) !== 0 && list.check(plain, familyOf(plain));
}

/** Cached for as long as the key is, since making a list of a thousand addresses takes 5 ms. */
const lists = new WeakMap<readonly string[], BlockList>();

function listOf(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const one of addresses) {
    const { network, bits, family } = networkOf(one);
    list.addSubnet(network, bits, family);
  }
  return list;
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv4(address) ? 'ipv4' : 'ipv6');

function networkOf(text: string): { network: string; bits: number; family: 'ipv4' | 'ipv6' } {
  const [network = '', length] = text.split('/');
  const family = familyOf(network);
  return { network, bits: length === undefined ? (family === 'ipv4' ? 32 : 128) : Number(length), family };
}

function isNetwork(text: string): boolean {
  const [network = '', length = '0', ...rest] = text.split('/');
  const most = isIPv4(network) ? 32 : 128;
  return (
    isIP(network) !== 0 &&
    !network.includes('%') &&
    rest.length === 0 &&
    /^\d{1,3}$/.test(length) &&
    Number(length) <= most
  );
}

type Unchecked = Readonly<Record<keyof KeyBounds, unknown>>;

/**
 * Checks the bounds of a new key.
 *
 * @throws PincexError `invalid_argument`
 */
export function requireBounds({ users, userPrefix, markets, addresses }: Unchecked): void {
  requireList('users', users, 'ids of users', (user) => isId(user) || user === FEES);
  if (userPrefix !== null && (typeof userPrefix !== 'string' || !isId(userPrefix))) {
    const takes = `The userPrefix of a key is the beginning of ids, 1 to ${limits.books.idLength} characters that an id may have`;
    throw new PincexError('invalid_argument', `${takes}: got ${describe(userPrefix)}`);
  }
  requireList('markets', markets, 'symbols such as BTC/USD', (symbol) =>
    /^[A-Z0-9]{2,16}\/[A-Z0-9]{2,16}$/.test(symbol),
  );
  requireList('addresses', addresses, 'addresses and networks such as 10.0.0.0/8 or ::1', isNetwork);
}

function requireList(name: string, list: unknown, takes: string, isOne: (text: string) => boolean): void {
  if (list === null) return;
  const values = isArray(list) ? [...list] : [];
  const wrong = values.findIndex((one) => typeof one !== 'string' || !isOne(one));
  if (wrong === -1 && values.length >= 1 && values.length <= limits.apiKeys.bounds) return;
  const got = !isArray(list)
    ? describe(list)
    : wrong === -1
      ? `${values.length} of them`
      : describe(values[wrong]);
  const message = `The ${name} of a key are 1 to ${limits.apiKeys.bounds} ${takes}: got ${got}`;
  throw new PincexError('invalid_argument', message);
}
