import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { Problem } from './problem.ts';
import { problemBody } from './problems.ts';

type ClientErrorHandler = NonNullable<FastifyServerOptions['clientErrorHandler']>;

/** The requests of a connection that wait for their answer. */
const unanswered = new WeakMap<Socket, Set<IncomingMessage>>();

/** Connections on which nothing can be read any more. */
const unreadable = new WeakSet<Socket>();

/** Lets {@link answerUnreadable} know of the requests that could be read. */
export function noteUnanswered(app: FastifyInstance): void {
  app.server.on('request', (request, response) => {
    const waiting = unanswered.get(request.socket) ?? new Set();
    unanswered.set(request.socket, waiting.add(request));
    response.once('close', () => {
      waiting.delete(request);
      if (unreadable.has(request.socket) && waiting.size === 0) request.socket.destroySoon();
    });
  });
}

/** What is no HTTP, or does not come in time, is told so too: there is no request yet, just its connection. */
export const answerUnreadable: ClientErrorHandler = (error, socket: Socket) => {
  // Nobody is there any more.
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  // What came whole is being done, and this would be taken for its answer: that one comes first, and is the last.
  if ([...(unanswered.get(socket) ?? [])].some(({ complete }) => complete)) {
    unreadable.add(socket);
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
