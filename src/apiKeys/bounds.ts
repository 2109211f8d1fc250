import { BlockList, isIP, isIPv4 } from 'node:net';
import { FEES } from '../books/funds.ts';
import { isId } from '../commands/fields.ts';
import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';
import { isArray } from '../lists.ts';

/** What a key may touch, and where from. */
export interface KeyBounds {
  /** Users that it may touch, beside those of {@link userPrefix}; `null` in both: every user. */
  readonly users: readonly string[] | null;
  /** What the ids of users begin with that it may touch. */
  readonly userPrefix: string | null;
  /** Markets that it may touch, and their currencies; `null`: every one. */
  readonly markets: readonly string[] | null;
  /** Addresses and networks that it may be used from; `null`: anywhere. */
  readonly addresses: readonly string[] | null;
}

/** Whether a key of these bounds may touch every user, or every market. */
export const isUnbound = {
  users: ({ users, userPrefix }: KeyBounds): boolean => users === null && userPrefix === null,
  markets: ({ markets }: KeyBounds): boolean => markets === null,
} as const;

/** Whether it may touch the user. */
export function mayTouch(bounds: KeyBounds, userId: string): boolean {
  if (isUnbound.users(bounds)) return true;
  const { users, userPrefix } = bounds;
  return users?.includes(userId) === true || (userPrefix !== null && userId.startsWith(userPrefix));
}

/** The currencies of markets, each of which reads BASE/QUOTE. */
export const currenciesOf = (markets: readonly string[]): readonly string[] => [
  ...new Set(markets.flatMap((symbol) => symbol.split('/'))),
];

/** Whether a key may be used from an address. Of IPv4 over a socket of IPv6 the IPv4 counts. */
export function isFrom(addresses: readonly string[], address: string): boolean {
  let list = lists.get(addresses);
  if (list === undefined) lists.set(addresses, (list = listOf(addresses)));
  // Of a link's own address the socket names the link too.
  const [plain = ''] = address.split('%');
  return isIP(plain) !== 0 && list.check(plain, familyOf(plain));
}

/** Made once for the addresses of a key, for as long as it is remembered: of a thousand it takes 5 ms. */
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
 * Checks the bounds that a key is to have.
 *
 * @throws PincexError `invalid_argument`
 */
export function requireBounds({ users, userPrefix, markets, addresses }: Unchecked): void {
  requireList('users', users, 'ids of users', (user) => isId(user) || user === FEES);
  if (userPrefix !== null && (typeof userPrefix !== 'string' || !isId(userPrefix))) {
    const takes = `The userPrefix of a key is what ids begin with, 1 to ${limits.books.idLength} characters of an id`;
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
