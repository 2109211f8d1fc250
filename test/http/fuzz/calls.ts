import fc, { type Arbitrary } from 'fast-check';
import type { Contract, Operation } from '../document/contract.ts';
import { batchIdOf, fitting, nasty, oddText, user, uuid } from './values.ts';

/** A request as it is sent. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
}

/** A change to a value, at some place inside it. */
type Damage =
  | { readonly kind: 'replace'; readonly at: number; readonly by: unknown }
  | { readonly kind: 'drop'; readonly at: number }
  | { readonly kind: 'add'; readonly at: number; readonly name: string; readonly by: unknown };

const damage: Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('replace' as const), at: fc.nat(1_000), by: nasty }),
  fc.record({ kind: fc.constant('drop' as const), at: fc.nat(1_000) }),
  fc.record({ kind: fc.constant('add' as const), at: fc.nat(1_000), name: oddText, by: nasty }),
);

/** Every place inside a value, from its root on. */
function placesOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner, [...path, key]))];
}

function damaged(value: unknown, change: Damage): unknown {
  const places = placesOf(value);
  const place = places[change.at % places.length]!;
  const copy = structuredClone(value);
  if (place.length === 0) return change.kind === 'replace' ? change.by : copy;
  let parent = copy as Record<string, unknown>;
  for (const key of place.slice(0, -1)) parent = parent[key] as Record<string, unknown>;
  const last = place.at(-1)!;
  if (change.kind === 'replace') parent[last] = change.by;
  else if (change.kind === 'add' && Array.isArray(parent)) parent.push(change.by);
  else if (change.kind === 'add') parent[change.name] = change.by;
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a field that is not there, whichever it is
  else delete parent[last];
  return copy;
}

const DEEP = 20_000;

/** Texts that spoil a body, whatever was in it. */
const spoilt = (text: string): Arbitrary<string | Uint8Array | undefined> =>
  fc.oneof(
    fc.nat(text.length).map((length) => text.slice(0, length)),
    fc.uint8Array({ maxLength: 50 }),
    fc.constantFrom(
      undefined,
      '',
      '\ufeff' + text,
      text + text,
      text.replace('{', '{"__proto__":{"admin":true},'),
      text.replace('{', '{"constructor":{"prototype":{}},'),
      text.replace('{', '{"items":[],"items":[1],'),
      text.replace(/"(\d[\d.]*)"/, '$1'),
      text.replace(/"(\d[\d.]*)"/, '1e999'),
      text.replace(/"(\d[\d.]*)"/, '-0.0000000000000000000000000000000001'),
      text.replace(/"[^"]*"\s*([,}\]])/, `${'['.repeat(DEEP)}${']'.repeat(DEEP)}$1`),
      text.replace(/"[^"]*"\s*([,}\]])/, `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}$1`),
      text.replace(/:\[.*/s, `:${'['.repeat(DEEP)}1${']'.repeat(DEEP)}}`),
    ),
  );

/** Times that may be over before the answer is there; all others are no times, or longer than any call takes. */
export const SHORT_TIMEOUTS: readonly string[] = ['0.001', '0.02'];

const none = fc.constant<Readonly<Record<string, string>>>({});
const header = (name: string, ...values: string[]) =>
  fc.constantFrom(...values).map((value): Readonly<Record<string, string>> => ({ [name]: value }));

const headers = fc
  .tuple(
    fc.oneof(
      { weight: 6, arbitrary: none },
      { weight: 2, arbitrary: fc.nat(40).map((n) => ({ 'idempotency-key': `"key-${n}"` })) },
      {
        weight: 1,
        arbitrary: header(
          'idempotency-key',
          ...['', '""', 'bare', '"', '"a", "b"', '"a";p=1', '"é"', '"\\""', `"${'k'.repeat(255)}"`],
          ...[`"${'k'.repeat(256)}"`, '1', '?1', ':YQ==:', '("a")'],
        ),
      },
    ),
    fc.oneof(
      { weight: 8, arbitrary: none },
      {
        weight: 1,
        arbitrary: header(
          'request-timeout',
          ...[
            ...SHORT_TIMEOUTS,
            '30',
            '60.5',
            '0',
            '-1',
            '',
            'x',
            '1e3',
            '99999999',
            '5, 6',
            'NaN',
            '2147484',
            '0.0000001',
          ],
        ),
      },
    ),
    fc.oneof(
      {
        weight: 12,
        arbitrary: header('content-type', 'application/json', 'application/json; charset=utf-8'),
      },
      {
        weight: 1,
        arbitrary: header(
          'content-type',
          ...[
            'text/plain',
            '',
            'application/xml',
            'application/json;',
            'x',
            'application/x-www-form-urlencoded',
          ],
          ...[
            'multipart/form-data; boundary=x',
            'application/jsonx',
            'APPLICATION/JSON',
            'application/json, x',
          ],
        ),
      },
    ),
    fc.oneof(
      { weight: 12, arbitrary: none },
      {
        weight: 1,
        arbitrary: fc.oneof(
          header('accept', 'text/html', '', '*/*;q=x'),
          header('accept-encoding', 'br', 'x', ''),
          header('expect', '100-continue'),
          header('x-forwarded-for', "'", '\xff'),
          header('if-match', '*'),
          header('range', 'bytes=0-1'),
          header('cookie', '=;=;='),
        ),
      },
    ),
  )
  .map((parts): Readonly<Record<string, string>> => Object.assign({}, ...parts) as Record<string, string>);

const inUrl = fc.oneof(
  oddText.map((text) => encodeURIComponent(text.toWellFormed())),
  fc.constantFrom(
    '%',
    '%zz',
    '%00',
    '%ff',
    '%2e%2e',
    '..',
    '',
    '?',
    '//',
    ';',
    'x'.repeat(2_000),
    '%C0%AF',
    '[]',
  ),
);

const query = fc.oneof(
  { weight: 10, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: inUrl.map((text) => `?${text}`) },
  { weight: 1, arbitrary: inUrl.map((text) => `?after=${text}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('?after=1&after=2', '?__proto__[a]=1', '?after[]=1', '?&&==', '?after', '#x'),
  },
);

function bodyOf(contract: Contract, operation: Operation): Arbitrary<Call['body']> {
  const schema = operation.requestBody?.content?.['application/json']?.schema;
  if (schema === undefined) return fc.constant(undefined);
  const fits = fitting(contract, schema);
  const text = fits.map((value) => JSON.stringify(value));
  return fc.oneof(
    { weight: 12, arbitrary: text },
    {
      weight: 5,
      arbitrary: fc.tuple(fits, damage).map(([value, change]) => JSON.stringify(damaged(value, change))),
    },
    { weight: 2, arbitrary: text.chain(spoilt) },
  );
}

/** Calls of one operation. */
function callsOf(contract: Contract, operation: Operation): Arbitrary<Call> {
  const { method, path } = operation;
  const id = fc.oneof(
    { weight: 2, arbitrary: fc.nat(9).map(batchIdOf) },
    { weight: 1, arbitrary: uuid },
    { weight: 1, arbitrary: inUrl },
  );
  const userId = fc.oneof({ weight: 4, arbitrary: user }, { weight: 1, arbitrary: inUrl });
  const currency = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('BTC', 'USD') },
    { weight: 1, arbitrary: inUrl },
  );
  const inPath = fc.record({ id, userId, currency });
  return fc
    .tuple(inPath, fc.record({ query, headers, body: bodyOf(contract, operation) }))
    .map(([names, parts]) => {
      const { 'content-type': type, ...rest } = parts.headers;
      return {
        method,
        path:
          path.replaceAll(
            /\{(\w+)\}/g,
            (_, name: string) => new Map(Object.entries(names)).get(name) ?? names.id,
          ) + parts.query,
        headers:
          parts.body === undefined ? rest : { ...rest, ...(type !== undefined && { 'content-type': type }) },
        body: parts.body,
      };
    });
}

/** Calls of no operation. */
function strays(contract: Contract): Arbitrary<Call> {
  const known = contract.operations.map(({ path }) => path);
  const paths = fc.oneof(
    fc.constantFrom(...known).map((path) => `${path}/`),
    fc.constantFrom(...known).map((path) => path.toUpperCase()),
    fc.tuple(fc.constantFrom(...known), inUrl).map(([path, text]) => `${path}/${text}`),
    inUrl.map((text) => `/v1/${text}`),
    inUrl.map((text) => `/${text}`),
    fc.constantFrom('/', '//', '*', '/v1', '/metrics/', '/.env', '/v1/../healthz', '/%'),
  );
  const methods = fc.constantFrom(
    'GET',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'PROPFIND',
    'QUERY',
    'SEARCH',
  );
  const otherMethod = fc.tuple(
    fc.constantFrom('PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'SEARCH'),
    fc.constantFrom(...known),
  );
  return fc
    .tuple(fc.oneof(fc.tuple(methods, paths), otherMethod), headers, fc.constantFrom(undefined, '{}', '{'))
    .map(([[method, path], sent, body]) => ({ method, path, headers: sent, body }));
}

/** Calls of every operation in the document, and calls of none. */
export function anyCall(contract: Contract): Arbitrary<Call> {
  return fc.oneof(
    ...contract.operations.map((operation) => ({
      weight: operation.method === 'POST' ? 4 : 1,
      arbitrary: callsOf(contract, operation),
    })),
    { weight: 6, arbitrary: strays(contract) },
  );
}
