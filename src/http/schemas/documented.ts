import type { FastifyContextConfig, FastifySchema } from 'fastify';
import Type, { type TSchema } from 'typebox';
import { ref } from './common.ts';
import { problem } from './results.ts';

/**
 * What the document says of routes beside their own schemas: headers, and how they refuse. It is for readers alone:
 * headers are checked where they are read, with problems of their own.
 */

/** The sections of the page, in their order there. */
export const TAGS = {
  Accounts: 'What users have, a row for each currency',
  Funds: 'Money that comes in, goes out, changes hands, or is held',
  Orders: 'Orders, with and without funds that are held for them',
  Trades: 'What is settled between two orders',
  Markets: 'What stands in the books of markets',
  Batches: 'Items of all kinds at once, and what became of a batch',
  Streams: 'Whole tables, line by line',
  Service: 'The service itself',
} as const;

export type Tag = keyof typeof TAGS;

const text = (description: string, ...examples: string[]): TSchema =>
  Type.Optional(Type.String({ description, ...(examples.length > 0 && { examples }) }));

// No examples: the page would send them with every call.
const REQUEST_TIMEOUT = text('How many seconds the client waits for the answer, such as `2.5`');
const IDEMPOTENCY_KEY = text(
  'A key of your own for this call, in double quotes, such as `"8e03978e-40d5"`: sent again, it gets the first answer',
);

const RETRY_AFTER = {
  'Retry-After': text('Seconds after which the same call may succeed, where it helps to wait'),
};
const RATE_LIMIT = {
  RateLimit: text('What is left of the items of this second, where the key has a limit', '"items";r=488;t=1'),
  'RateLimit-Policy': text('How many items the key may send in a second', '"items";q=1000;w=1'),
};
const IDEMPOTENCY_HIT = { 'Idempotency-Hit': text('`true` where this is the answer of an earlier call') };

const DONE = {
  write: 'The batch was executed: look at its `status` and at each result',
  read: 'What was asked for',
  running: 'It is still under way',
};

/** A response in the document. */
interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, TSchema>>;
}

const PROBLEMS = {
  400: { description: 'What was sent is malformed; nothing was done' },
  401: {
    description: 'There is no key that is valid',
    headers: { 'WWW-Authenticate': text('`Bearer`') },
  },
  403: { description: 'The key has not the scope that is needed' },
  404: { description: 'This key has made no such batch, or it has expired' },
  408: { description: 'The body did not come in time' },
  409: {
    description: 'The same call is being executed, or the batch lost against others; nothing was written',
    headers: RETRY_AFTER,
  },
  413: { description: 'Too many items, too many rows, or too large a body' },
  415: { description: 'The body is not JSON' },
  422: {
    description:
      'An item of an atomic batch was rejected, and nothing was done; or the key or the batch id was given to another call',
  },
  429: { description: 'More items than the key may send', headers: { ...RETRY_AFTER, ...RATE_LIMIT } },
  500: { description: 'The service failed' },
  503: { description: 'The service is busy, stops, or cannot reach its database', headers: RETRY_AFTER },
  504: { description: 'The time of Request-Timeout was over' },
} satisfies Record<number, Response>;

type Status = keyof typeof PROBLEMS;

const ALL: readonly Status[] = [400, 500, 503];
const WITH_KEY: readonly Status[] = [401, 403, 429, 504];
const WITH_BODY: readonly Status[] = [408, 413, 415];
const OF_WRITES: readonly Status[] = [409, 422];
const WITH_PATH: readonly Status[] = [404, 422];

/** A route as the document has it. */
export function documented(schema: FastifySchema, config: FastifyContextConfig = {}): FastifySchema {
  const responses = schema.response as Readonly<Record<number, TSchema & Partial<Response>>> | undefined;
  if (schema.hide || responses === undefined) return schema;
  const isWrite = config.isWrite ?? false;
  const statuses = [
    ...ALL,
    ...(config.public ? [] : WITH_KEY),
    ...(schema.body === undefined ? [] : WITH_BODY),
    ...(isWrite ? OF_WRITES : []),
    ...(schema.params === undefined ? [] : WITH_PATH),
  ];
  const problems = statuses.map((status) => [status, refusal(status, isWrite, responses[200])]);
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

/** Who may call it, in words: the page shows nothing else of it. */
function needs({ public: isPublic, scope = [] }: FastifyContextConfig): string {
  if (isPublic) return 'Needs no key.';
  const scopes = [scope].flat().map((one) => `\`${one}\``);
  return scopes.length === 0
    ? 'Needs a key, whatever its scopes.'
    : `Needs a key with ${scopes.join(' and ')}.`;
}

function refusal(
  status: Status,
  isWrite: boolean,
  success: TSchema | undefined,
): Response & { readonly content: unknown } {
  const rejected = { type: 'object', properties: { batch: success } };
  const schema = status === 422 ? { allOf: [ref(problem), rejected] } : ref(problem);
  // A batch that was rejected is kept and told again, like one that was executed.
  const headers = status === 422 && isWrite && { headers: IDEMPOTENCY_HIT };
  return { ...PROBLEMS[status], ...headers, content: { 'application/problem+json': { schema } } };
}
