import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyServerOptions } from 'fastify';
import { Problem, problemBody } from '../problems/problem.ts';
import type { Connections } from './connections.ts';

type ClientErrorHandler = NonNullable<FastifyServerOptions['clientErrorHandler']>;

/** Answers bytes that are no HTTP request, or come too late, with a problem. There is no request yet, only a connection. */
export const answerClientErrors =
  (connections: Connections, onRefusal: (code: string) => void): ClientErrorHandler =>
  (error, socket: Socket) => {
    // The client has gone.
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    // The client would take an answer sent now for the answer to an earlier request.
    if (connections.endOnceAnswered(socket)) return;
    if (connections.isRestOfAnswered(socket)) {
      socket.destroySoon();
      return;
    }
    const problem = problemOf(error.code);
    onRefusal(problem.code);
    if (socket.writableEnded) return;
    socket.write(messageOf(problem));
    connections.linger(socket);
  };

function messageOf(problem: Problem): string {
  const body = JSON.stringify(problemBody(problem));
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

function problemOf(code: string): Problem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request_timeout', 'The request did not come in time');
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers_too_large', 'The headers are larger than the service takes');
    default:
      return new Problem('malformed_request', 'This is no HTTP request');
  }
}
