import type { FastifyContextConfig, FastifySchema } from 'fastify';
import Type, { type TSchema } from 'typebox';
import { problemKinds, type CallKind, type ProblemKind } from '../problems/codes.ts';
import { ref } from '../schemas/common.ts';
import { problem } from '../schemas/results.ts';

/**
 * Adds headers and problem responses to the schemas of routes, for the document alone: headers are validated where they
 * are read, with problems of their own.
 */

/** Sections of the page, in their order. */
export const TAGS = {
  Accounts: 'Balances of users, one account for each currency',
  Funds: 'Deposits, withdrawals, transfers, and holds',
  Orders: 'Orders, with and without funds that are held for them',
  Trades: 'Settlement of trades between two orders',
  Markets: 'Order books of markets',
  'Look-ups': 'Histories of users, accounts, orders, trades and batches, in pages',
  Batches: 'Batches of mixed items, and the outcome of any batch',
  Streams: 'Whole tables, line by line',
  Monitoring: 'What the service does now, and the state of its database',
  Alerts: 'Problems of the exchange, until they are over',
  Service: 'The service itself',
} as const;

export type Tag = keyof typeof TAGS;

const text = (description: string, ...examples: string[]): TSchema =>
  Type.Optional(Type.String({ description, ...(examples.length > 0 && { examples }) }));

// No examples: the page would send them as values with every call.
const REQUEST_TIMEOUT = text('How many seconds the client waits for the answer, such as `2.5`');
const IDEMPOTENCY_KEY = text(
  'A key of your own for this call, in double quotes, such as `"8e03978e-40d5"`: sent again, it gets the first answer',
);

const RETRY_AFTER = {
  'Retry-After': text('Seconds after which the same call may succeed, if waiting helps'),
};
const RATE_LIMIT = {
  RateLimit: text('The items left in this second, if the key has a limit', '"items";r=488;t=1'),
  'RateLimit-Policy': text('How many items the key may send in a second', '"items";q=1000;w=1'),
};
const IDEMPOTENCY_HIT = { 'Idempotency-Hit': text('`true` if this is the answer of an earlier call') };

const DONE = {
  write: 'The batch was executed: look at its `status` and at each result',
  read: 'The requested rows',
  running: 'The batch is still running',
};

type Headers = Readonly<Record<string, TSchema>>;

/** A response in the document. */
interface Response {
  readonly description: string;
  readonly headers?: Headers;
}

const HEADERS: Readonly<Record<number, Headers>> = {
  401: { 'WWW-Authenticate': text('`Bearer`') },
  409: RETRY_AFTER,
  429: { ...RETRY_AFTER, ...RATE_LIMIT },
  503: RETRY_AFTER,
};

/** The schema of a route as the document shows it. */
export function documented(schema: FastifySchema, config: FastifyContextConfig = {}): FastifySchema {
  const responses = schema.response as Readonly<Record<number, TSchema & Partial<Response>>> | undefined;
  if (schema.hide || responses === undefined) return schema;
  const isWrite = config.isWrite ?? false;
  const met = problemsOf(kindsOf(schema, config));
  const statuses = new Set(met.map(({ status }) => status));
  const problems = [...statuses].map((status) => {
    const meanings = met
      .filter((one) => one.status === status)
      .map(({ code, meaning }) => `\`${code}\`: ${meaning}`);
    return [status, refusal(status, meanings.join('; '), isWrite, responses[200])];
  });
  const successes = Object.entries(responses).map(([status, answer]) => [
    status,
    {
      description: DONE[status === '202' ? 'running' : isWrite ? 'write' : 'read'],
      headers: { ...(!config.public && RATE_LIMIT), ...(isWrite && IDEMPOTENCY_HIT) },
      ...('content' in answer ? answer : { content: { 'application/json': { schema: answer } } }),
    },
  ]);
  return {
    ...schema,
    description: [schema.description, needs(config)].filter(Boolean).join('\n\n'),
    ...(!config.public && {
      headers: Type.Object({
        'Request-Timeout': REQUEST_TIMEOUT,
        ...(isWrite && { 'Idempotency-Key': IDEMPOTENCY_KEY }),
      }),
    }),
    response: Object.fromEntries([...problems, ...successes]) as Record<string, unknown>,
  };
}

/** The access of a route in words: the page shows access nowhere else. */
function needs({ public: isPublic, scope = [] }: FastifyContextConfig): string {
  if (isPublic) return 'Needs no key.';
  const scopes = [scope].flat().map((one) => `\`${one}\``);
  return scopes.length === 0
    ? 'Needs a key, whatever its scopes.'
    : `Needs a key with ${scopes.join(' and ')}.`;
}

const kindsOf = (
  { body, params, tags }: FastifySchema,
  { public: isPublic, isWrite, namesOne }: FastifyContextConfig,
): CallKind[] => [
  'any',
  ...(isPublic ? [] : (['keyed', isWrite ? 'write' : 'read'] as const)),
  ...(body === undefined ? [] : (['body'] as const)),
  ...(params === undefined && !namesOne ? [] : (['named'] as const)),
  ...(params !== undefined && tags?.includes('Batches') ? (['outcome'] as const) : []),
];

/** The problems that calls of one of these kinds meet. */
function problemsOf(kinds: readonly CallKind[]): (ProblemKind & { readonly code: string })[] {
  return Object.entries<ProblemKind>(problemKinds)
    .map(([code, kind]) => ({ code, ...kind }))
    .filter(({ calls }) => calls.some((one) => kinds.includes(one)));
}

function refusal(
  status: number,
  description: string,
  isWrite: boolean,
  success: TSchema | undefined,
): Response & { readonly content: unknown } {
  const rejected = { type: 'object', properties: { batch: success } };
  const schema = status === 422 ? { allOf: [ref(problem), rejected] } : ref(problem);
  // The answer to a rejected batch is stored and sent again, like that to an executed one.
  const headers = status === 422 && isWrite ? IDEMPOTENCY_HIT : HEADERS[status];
  return { description, ...(headers && { headers }), content: { 'application/problem+json': { schema } } };
}
