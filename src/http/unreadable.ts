import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { malformed, Problem } from './problem.ts';
import { problemBody } from './problems.ts';

type ClientErrorHandler = NonNullable<FastifyServerOptions['clientErrorHandler']>;

/** The answers that a connection is still to get. */
interface Exchange {
  readonly unanswered: Set<ServerResponse>;
  /** Its last request was answered before it had come whole. */
  isAhead: boolean;
  /** Nothing can be read on it any more. */
  isUnreadable: boolean;
}

const exchanges = new WeakMap<Socket, Exchange>();

/** Lets {@link answerUnreadable} know of the requests that could be read. */
export function noteUnanswered(app: FastifyInstance): void {
  app.server.on('request', ({ socket }, response) => {
    const exchange = exchanges.get(socket) ?? {
      unanswered: new Set(),
      isAhead: false,
      isUnreadable: false,
    };
    exchanges.set(socket, exchange);
    // What came before has been read to its end, or this could not have come.
    exchange.isAhead = false;
    exchange.unanswered.add(response);
    response.once('close', () => {
      exchange.unanswered.delete(response);
      exchange.isAhead ||= !response.req.complete;
      if (exchange.isUnreadable && exchange.unanswered.size === 0) socket.destroySoon();
    });
  });
}

/** What is no HTTP, or does not come in time, is told so too: there is no request yet, just its connection. */
export const answerUnreadable: ClientErrorHandler = (error, socket: Socket) => {
  // Nobody is there any more.
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const exchange = exchanges.get(socket);
  // What came whole is being done, and this would be taken for its answer: that one comes first, and is the last.
  if (exchange && [...exchange.unanswered].some(({ req, headersSent }) => req.complete || headersSent)) {
    exchange.isUnreadable = true;
    return;
  }
  // The rest of a request that was refused without it, and is answered.
  if (exchange?.isAhead) {
    socket.destroySoon();
    return;
  }
  const problem = problemOf(error.code);
  const body = JSON.stringify(problemBody(problem));
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  if (socket.writable) socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  socket.destroy(error);
};

function problemOf(code: string): Problem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem(408, 'request_timeout', 'The request did not come in time', { retryable: true });
    case 'HPE_HEADER_OVERFLOW':
      return new Problem(431, 'headers_too_large', 'The headers are larger than the service takes');
    default:
      return new Problem(400, 'malformed_request', 'This is no request of HTTP');
  }
}

/** What Node.js would answer by itself, without a problem. */
export function answerForNode(app: FastifyInstance): void {
  // Needs `requireHostHeader: false`; RFC 9112 asks for it.
  app.addHook('onRequest', ({ raw: { httpVersion, headers } }, _reply, done) => {
    const lacksHost = httpVersion === '1.1' && headers.host === undefined;
    done(lacksHost ? malformed({ header: 'Host', detail: 'is missing' }) : undefined);
  });
  // An expectation that nobody knows may be passed over: RFC 9110.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
}
