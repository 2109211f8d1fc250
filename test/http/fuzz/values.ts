import fc, { type Arbitrary } from 'fast-check';
import type { Contract, JsonSchema } from '../document/contract.ts';

/** How many of each kind there are: few enough that calls meet each other's users and orders. */
export const USERS = 4;
const ORDERS = 300;

export const user = fc.nat(USERS - 1).map((n) => `user-${n}`);
const order = fc.nat(ORDERS - 1).map((n) => `order-${n}`);
const itemId = fc.nat(1_000_000).map((n) => `item-${n}`);
const currency = fc.constantFrom('BTC', 'USD', 'BTC', 'USD', 'EUR', 'JPY', 'NONE');
const symbol = fc.constantFrom('BTC/USD', 'BTC/USD', 'ETH/USD', 'NONE/USD');

/** Texts that something on their way may stumble over. */
const oddText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\0',
    'a\0b',
    '\ud800',
    '\udfff\ud800',
    '\u202e',
    '{}',
    '{"a","b"}',
    'NULL',
    "'; --",
    '\\',
    '"',
    '__proto__',
    'constructor',
    '../..',
    'x'.repeat(128),
    'x'.repeat(129),
    'é'.repeat(128),
    '😀'.repeat(128),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const hugeText = fc.constantFrom('x'.repeat(100_000), '9'.repeat(20_000), '\0'.repeat(5_000));

const decimal = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('1', '2', '0.5', '0.01', '10', '20', '100') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...['0', '-1', '+1', '1.', '.5', '1e5', '1E-5', ' 1', '01', '0.000000001', 'NaN', 'Infinity'],
      ...['0x10', '1,5', '１', `1${'0'.repeat(40)}`, `0.${'0'.repeat(40)}1`, '99999999999999999999.99'],
    ),
  },
);
const time = fc.constantFrom(
  ...['2999-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z', '2000-01-01T00:00:00.000Z'],
  ...[
    '2030-02-31T00:00:00.000Z',
    '2030-01-01',
    '-000001-01-01T00:00:00.000Z',
    '+275760-09-13T00:00:00.000Z',
    '',
  ],
);

/** Texts for a field of this name or description that have a chance to be accepted. */
function textFor(name: string, { description = '' }: JsonSchema): Arbitrary<string> {
  if (/userIds?$/i.test(name)) return user;
  if (/orderId|^ids$|^orderIds$/i.test(name)) return order;
  if (name === 'id') return fc.oneof(itemId, order);
  if (name.startsWith('currenc')) return currency;
  if (/^symbols?$/.test(name)) return symbol;
  if (name === 'group') return fc.constantFrom('a', 'b');
  if (description.startsWith('A decimal')) return decimal;
  if (description.startsWith('ISO 8601')) return time;
  return oddText;
}

/** Values that fit a schema, most of which mean something. */
export function fitting(contract: Contract, schema: JsonSchema, name = ''): Arbitrary<unknown> {
  const {
    type,
    enum: choices,
    const: only,
    format,
    properties,
    required = [],
    items,
    anyOf,
    oneOf,
  } = contract.resolve(schema);
  if (only !== undefined) return fc.constant(only);
  if (choices !== undefined) return fc.constantFrom(...choices);
  const options = anyOf ?? oneOf;
  if (options !== undefined) return fc.oneof(...options.map((option) => fitting(contract, option, name)));
  if (Array.isArray(type)) {
    const one = fc.oneof(...type.map((each: string) => fitting(contract, { ...schema, type: each }, name)));
    return fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 2, arbitrary: one });
  }
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom(0, 1_000, 1_001, -1, 2 ** 31, 2 ** 53));
    case 'string':
      if (format === 'uuid') return uuid;
      return fc.oneof(
        { weight: 12, arbitrary: textFor(name, contract.resolve(schema)) },
        { weight: 1, arbitrary: oddText },
      );
    case 'array':
      return fc.array(fitting(contract, items!, name), { maxLength: 4 });
    case 'object': {
      // The object is the caller's own, such as metadata.
      if (properties === undefined) return fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 });
      const fields = Object.entries(properties).map(([field, of]) => [field, fitting(contract, of, field)]);
      return fc
        .tuple(
          fc.record(Object.fromEntries(fields) as Record<string, Arbitrary<unknown>>, {
            requiredKeys: [...required],
          }),
          // Most optional fields exclude each other, so mostly there are none.
          fc.integer({ min: 0, max: 3 }),
        )
        .map(([value, bare]) =>
          bare === 0
            ? value
            : Object.fromEntries(
                Object.entries(value).filter(([key]) => required.includes(key) || bare === 3),
              ),
        )
        .map(sensible);
    }
    case undefined:
    default:
      throw new Error(`No values for a ${String(type)}, ${name}`);
  }
}

export const batchIdOf = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;

/** Batch ids: some of them repeat, also in other letters, and some only look like a UUID. */
export const uuid = fc.oneof(
  { weight: 4, arbitrary: fc.uuid() },
  { weight: 4, arbitrary: fc.nat(20).map(batchIdOf) },
  { weight: 1, arbitrary: fc.uuid().map((text) => text.toUpperCase()) },
  { weight: 1, arbitrary: fc.uuid().map((text) => `urn:uuid:${text}`) },
  { weight: 1, arbitrary: fc.constant('00000000-0000-0000-1234-000000000000') },
);

/** The user and the side of an order follow from its number; otherwise hardly any call would meet its order. */
function sensible(item: Record<string, unknown>): Record<string, unknown> {
  const changed = { ...item };
  const number = (id: unknown): number | undefined =>
    typeof id === 'string' && id.startsWith('order-') ? Number(id.slice(6)) : undefined;
  const own = number(item['orderId'] ?? item['id']);
  if (own !== undefined && 'userId' in item) changed['userId'] = `user-${own % USERS}`;
  if (own !== undefined && 'quantity' in item && 'side' in item) {
    Object.assign(changed, {
      side: own % 2 === 0 ? 'buy' : 'sell',
      symbol: 'BTC/USD',
      type: 'limit',
      price: '20',
    });
  }
  const [buy, sell] = [number(item['buyOrderId']), number(item['sellOrderId'])];
  if (buy === undefined || sell === undefined) return changed;
  const even = buy - (buy % 2);
  const odd = sell - (sell % 2) + 1;
  return {
    ...changed,
    symbol: 'BTC/USD',
    price: '20',
    buyOrderId: `order-${even}`,
    buyUserId: `user-${even % USERS}`,
    sellOrderId: `order-${odd}`,
    sellUserId: `user-${odd % USERS}`,
  };
}

/** Values that fit hardly any schema. */
export const nasty: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, 1, -1, 0.1, 1e300, {}, [], [[]], { a: 1 }, ['x']),
  oddText,
  fc.string().map((text) => ({ [text]: text })),
  hugeText,
);

export { oddText };
