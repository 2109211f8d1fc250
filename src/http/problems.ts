import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { commands } from '../commands/index.ts';
import { PincexError, type ErrorCode } from '../errors.ts';
import { escaped, textsOf } from './jsonText.ts';
import { malformed, Problem, shortened, type Fault, type ProblemOptions } from './problem.ts';
import { isProblemCode, type ProblemCode } from './problemCodes.ts';

/** What a problem is of, as RFC 9457 wants it: a name that never changes. */
const TYPE = 'urn:pincex:problem:';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Where the one argument stands that the library may find invalid behind the schema. */
    readonly argument?: Omit<Fault, 'detail'>;
    /** Where the currencies or markets stand that it may not know. */
    readonly codes?: Omit<Fault, 'detail'>;
  }

  interface FastifyInstance {
    readonly onRefusal: (code: string) => void;
  }

  interface FastifyRequest {
    /** The code of the problem that it was answered with; null where it was not. */
    problem: string | null;
    /** The batch that it runs, once that is certain: told where nobody knows how it ended. */
    batchId: string | null;
  }
}

/** Where the database is, and what it says, is not for everybody: the log has it. */
const UNSAID: Readonly<Partial<Record<ErrorCode, string>>> = {
  database_unavailable: 'The database cannot be reached, or does not answer in time',
  database_refused: 'The database refuses what the service needs; the log says why',
};

/**
 * Every error of every route leaves as `application/problem+json`.
 *
 * @param onRefusal told of each by its code
 */
export function answerWithProblems(
  app: FastifyInstance,
  onRefusal: (code: string) => void = () => undefined,
): void {
  app.decorate('onRefusal', onRefusal);
  app.decorateRequest('batchId', null);
  app.decorateRequest('problem', null);
  app.setErrorHandler(answerWithProblem);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      new Problem('not_found', `There is no ${request.method} ${request.url.split('?', 1)[0] ?? ''}`),
    ),
  );
}

export function answerWithProblem(
  error: FastifyError | PincexError | Problem,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const problem = toProblem(error, request);
  // What is refused on purpose is no failure, and most of it comes when there is least time to write it down.
  if (problem.status >= 500 && !(error instanceof Problem)) request.log.error({ err: error }, problem.code);
  return sendProblem(reply, problem);
}

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  reply.request.problem = problem.code;
  reply.server.onRefusal(problem.code);
  return reply
    .status(problem.status)
    .headers({ ...problem.options.headers, 'content-type': 'application/problem+json; charset=utf-8' })
    .send(problemBody(problem));
}

/** RFC 9457. */
export function problemBody({ status, code, message, retryable, options }: Problem): Record<string, unknown> {
  return {
    type: `${TYPE}${code}`,
    title: titleOf(code),
    status,
    detail: message,
    code,
    retryable,
    ...(options.errors && { errors: options.errors }),
    ...options.extensions,
  };
}

/** `batch_too_large` as `Batch too large`. */
function titleOf(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Since the service was told to stop. */
export function draining(): Problem {
  return new Problem('draining', 'The service is stopping; nothing was done', {
    headers: { 'retry-after': '1' },
  });
}

function toProblem(error: FastifyError | PincexError | Problem, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof PincexError) return ofLibrary(error, request);
  if (error.validation !== undefined) return ofValidation(error, request);
  const { statusCode = 500 } = error;
  if (statusCode < 500) {
    const code = CODES[statusCode] ?? 'malformed_request';
    return new Problem(code, wordsOf(statusCode, request) ?? error.message);
  }
  return failed(request);
}

/** What happened is in the log; it is not for strangers. */
const failed = (request: FastifyRequest): Problem =>
  new Problem('internal_error', 'The service failed; the log says why', batchOf(request));

/** Of a call of which nobody knows what it has done. */
const batchOf = ({ batchId }: FastifyRequest): Pick<ProblemOptions, 'extensions'> =>
  batchId === null ? {} : { extensions: { batchId } };

/** Of what Fastify refuses by itself. */
const CODES: Readonly<Record<number, ProblemCode>> = {
  413: 'body_too_large',
  415: 'unsupported_media_type',
};

/** Where Fastify does not say what would be taken. */
function wordsOf(status: number, { headers }: FastifyRequest): string | undefined {
  if (status !== 415) return undefined;
  const type = headers['content-type'];
  const got = type === undefined ? 'there is none' : `got ${shortened(JSON.stringify(type))}`;
  return `Bodies are JSON: send the header Content-Type: application/json; ${got}`;
}

function ofLibrary(error: PincexError, request: FastifyRequest): Problem {
  const { code, message, retryable } = error;
  if (!isProblemCode(code)) return failed(request);
  const { lists, argument, codes } = request.routeOptions.config;
  const places: Partial<Record<ErrorCode, Omit<Fault, 'detail'> | undefined>> = {
    batch_too_large: lists && { pointer: `/${lists[0]}` },
    ambiguous_id: lists && { pointer: `/${lists[0]}` },
    invalid_argument: argument,
    unknown_currency: codes,
    unknown_market: codes,
  };
  const place = places[code];
  return new Problem(code, UNSAID[code] ?? message, {
    ...(retryable && { headers: { 'retry-after': '1' } }),
    ...(place && { errors: [{ ...place, detail: message }] }),
    ...(code === 'outcome_unknown' && batchOf(request)),
  });
}

const PLACES = { body: 'pointer', querystring: 'parameter', params: 'parameter', headers: 'header' } as const;

/** What a schema refuses, with the place in the request. */
function ofValidation(
  { validation = [], validationContext }: FastifyError,
  request: FastifyRequest,
): Problem {
  const place = PLACES[validationContext ?? 'body'];
  const textAt = textsOf(request.rawBody);
  const [first, ...others] = validation.map(
    ({ instancePath, keyword, params, message = 'is not valid' }): Fault => {
      const named = PROPERTY[keyword];
      const property = named === undefined ? undefined : params[named];
      const pointer = `${instancePath}${typeof property === 'string' ? `/${shortened(escaped(property))}` : ''}`;
      const detail = wordsFor(keyword, params, message);
      if (place !== 'pointer') return { [place]: pointer.slice(1), detail };
      const got = UNSEEN.has(keyword) ? undefined : textAt(pointer);
      return { pointer, detail: got === undefined ? detail : `${detail}: got ${shortened(got)}` };
    },
  );
  return malformed(first ?? { pointer: '', detail: 'is not valid' }, ...others);
}

/** Of what is missing, or should not be there, the value says nothing. */
const UNSEEN: ReadonlySet<string> = new Set(['required', 'additionalProperties']);

/** Which parameter of a failure names a property of the object at its place. */
const PROPERTY: Readonly<Record<string, string>> = {
  required: 'missingProperty',
  additionalProperties: 'additionalProperty',
  discriminator: 'tag',
};

function wordsFor(keyword: string, params: Readonly<Record<string, unknown>>, message: string): string {
  switch (keyword) {
    case 'required':
      return 'is missing';
    case 'additionalProperties':
      return 'is not a field that is known here';
    case 'enum':
      return `must be one of ${(params['allowedValues'] as readonly (string | null)[]).map(String).join(', ')}`;
    case 'type':
      return `must be ${[params['type']].flat().join(' or ')}`;
    // The one format there is.
    case 'format':
      return 'must be a UUID';
    // Items that mix commands are the one thing that is told apart by a field.
    case 'discriminator':
      return `must be one of ${Object.keys(commands).join(', ')}`;
    default:
      return message;
  }
}
