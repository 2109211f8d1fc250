import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PincexError, type ErrorCode } from '../../errors.ts';
import { validationFaults } from '../body/faults.ts';
import { isProblemCode, type ProblemCode } from '../problems/codes.ts';
import {
  malformed,
  Problem,
  problemBody,
  shortened,
  type Fault,
  type ProblemOptions,
} from '../problems/problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Place of the one argument that the library may refuse although the schema accepts it. */
    readonly argument?: Omit<Fault, 'detail'>;
    /** Place of the currencies or markets that the library may not know. */
    readonly codes?: Omit<Fault, 'detail'>;
  }

  interface FastifyInstance {
    readonly onRefusal: (code: string) => void;
  }

  interface FastifyRequest {
    /** Code of the problem that the call was answered with; null if it was not refused. */
    problem: string | null;
    /** Id of the batch that the call runs, once it is certain; told if nobody knows how the batch ended. */
    batchId: string | null;
  }
}

/** Messages for clients, who must not learn where the database is and what it says: the log has that. */
const PUBLIC_MESSAGES: Readonly<Partial<Record<ErrorCode, string>>> = {
  database_unavailable: 'The database cannot be reached, or does not answer in time',
  database_refused: 'The database refuses what the service needs; the log says why',
};

/**
 * Answers every error of every route as `application/problem+json`.
 *
 * @param onRefusal gets the code of each
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
  // A Problem is a refusal on purpose, not a failure. Under overload there are many, and no time to log them.
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

function toProblem(error: FastifyError | PincexError | Problem, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof PincexError) return ofLibrary(error, request);
  if (error.validation !== undefined) return malformed(...validationFaults(error, request.rawBody));
  const { statusCode = 500 } = error;
  if (statusCode < 500) return ofFastify(statusCode, error.message, request);
  return failed(request);
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
  return new Problem(code, PUBLIC_MESSAGES[code] ?? message, {
    ...(retryable && { headers: { 'retry-after': '1' } }),
    ...(place && { errors: [{ ...place, detail: message }] }),
    ...(code === 'outcome_unknown' && batchIdOf(request)),
  });
}

const FASTIFY_CODES: Readonly<Record<number, ProblemCode>> = {
  413: 'body_too_large',
  415: 'unsupported_media_type',
};

function ofFastify(status: number, message: string, { headers }: FastifyRequest): Problem {
  const code = FASTIFY_CODES[status] ?? 'malformed_request';
  if (status !== 415) return new Problem(code, message);
  // Fastify's own message does not say which type would be accepted.
  const type = headers['content-type'];
  const got = type === undefined ? 'there is none' : `got ${shortened(JSON.stringify(type))}`;
  return new Problem(code, `Bodies are JSON: send the header Content-Type: application/json; ${got}`);
}

/** An error that nobody expected. The log has it; clients do not. */
const failed = (request: FastifyRequest): Problem =>
  new Problem('internal_error', 'The service failed; the log says why', batchIdOf(request));

/** The batch id, for a call that may have executed its batch. */
const batchIdOf = ({ batchId }: FastifyRequest): Pick<ProblemOptions, 'extensions'> =>
  batchId === null ? {} : { extensions: { batchId } };
