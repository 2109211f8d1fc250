import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { part } from './parting.ts';
import { malformed, Problem } from './problem.ts';
import { problemBody } from './problems.ts';

type ClientErrorHandler = NonNullable<FastifyServerOptions['clientErrorHandler']>;

/** The answers of a connection. */
interface Exchange {
  readonly unanswered: Set<ServerResponse>;
  /** The request that was answered last. */
  answered?: IncomingMessage;
  /** Nothing can be read on it any more. */
  isUnreadable: boolean;
}

const exchanges = new WeakMap<Socket, Exchange>();

/** Follows what each connection is still to get, for {@link answerUnreadable}, and ends what it will not get. */
export function noteUnanswered(app: FastifyInstance): void {
  // Before Fastify, which may answer at once.
  app.server.prependListener('request', (request, response) => {
    const { socket } = request;
    const exchange = exchanges.get(socket) ?? newExchange(socket);
    exchange.unanswered.add(response);
    response.once('close', () => {
      exchange.unanswered.delete(response);
      exchange.answered = request;
      if (exchange.isUnreadable && !isAwaited(exchange)) socket.destroySoon();
    });
  });
}

function newExchange(socket: Socket): Exchange {
  const exchange: Exchange = { unanswered: new Set(), isUnreadable: false };
  exchanges.set(socket, exchange);
  // Node.js tells it to the answer that is being sent, and never to those that wait behind it.
  socket.once('close', () => {
    for (const waiting of exchange.unanswered) waiting.destroy().emit('close');
  });
  return exchange;
}

/** Whether no other request has come on its connection since. */
export const isLast = (response: ServerResponse): boolean =>
  [...(exchanges.get(response.req.socket)?.unanswered ?? [])].at(-1) === response;

/** What came whole is being done, or its answer is on its way. */
const isAwaited = ({ unanswered }: Exchange): boolean =>
  [...unanswered].some(({ req, headersSent }) => req.complete || headersSent);

/** What is no HTTP, or does not come in time, is told so too: there is no request yet, just its connection. */
export const answerUnreadable =
  (onRefusal: (code: string) => void): ClientErrorHandler =>
  (error, socket: Socket) => {
    // Nobody is there any more.
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    const exchange = exchanges.get(socket);
    // This would be taken for the answer to what came before it: that one comes first, and is the last.
    if (exchange && isAwaited(exchange)) {
      exchange.isUnreadable = true;
      return;
    }
    // The rest of a request that was refused without it, and is answered.
    if (exchange?.answered?.complete === false) {
      socket.destroySoon();
      return;
    }
    const problem = problemOf(error.code);
    onRefusal(problem.code);
    answerAndEnd(socket, problem);
  };

function answerAndEnd(socket: Socket, problem: Problem): void {
  if (socket.writableEnded) return;
  const body = JSON.stringify(problemBody(problem));
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  part(socket);
}

function problemOf(code: string): Problem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request_timeout', 'The request did not come in time');
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers_too_large', 'The headers are larger than the service takes');
    default:
      return new Problem('malformed_request', 'This is no request of HTTP');
  }
}

/** Headers that say one thing. */
const ONCE = ['Authorization', 'Content-Type', 'Content-Encoding', 'Request-Timeout'];

/** What Node.js would answer by itself, without a problem. */
export function answerForNode(app: FastifyInstance): void {
  // Needs `requireHostHeader: false`; RFC 9112 asks for it.
  app.addHook('onRequest', ({ raw: { httpVersion, headersDistinct } }, _reply, done) => {
    const { length } = headersDistinct['host'] ?? [];
    const isWrong = length !== 1 && !(length === 0 && httpVersion === '1.0');
    if (isWrong) {
      done(malformed({ header: 'Host', detail: `is given once: got ${length}` }));
      return;
    }
    // Of these Node.js takes the first, and a proxy before us may take the last.
    const twice = ONCE.find((name) => (headersDistinct[name.toLowerCase()]?.length ?? 0) > 1);
    const got = headersDistinct[twice?.toLowerCase() ?? '']?.length;
    done(twice === undefined ? undefined : malformed({ header: twice, detail: `is given once: got ${got}` }));
  });
  // An expectation that nobody knows may be passed over: RFC 9110.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
}
