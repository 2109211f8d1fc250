import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Milliseconds in which the client can still receive the last answer of a connection that is ending. */
const LINGER_MS = 2_000;

/** The answers of one connection. */
interface DueAnswers {
  /** Responses to the requests that have come, oldest first, until each is sent. */
  readonly unanswered: Set<ServerResponse>;
  /** The request whose response was sent last. */
  answered?: IncomingMessage;
  /** Nothing more can be read: the connection ends behind the answers that are due. */
  endsOnceAnswered: boolean;
}

/**
 * The connections of a server, and the answers that are due on each. Whatever relies on behaviour of Node.js that is not
 * documented is in this class; `test/http/connection/connections.test.ts` fails if Node.js changes it.
 */
export class Connections {
  readonly #sockets = new Set<Socket>();
  readonly #exchanges = new WeakMap<Socket, DueAnswers>();
  #isClosing = false;

  /** Follows all connections of a server that does not listen yet. */
  watch(server: Server): void {
    const add = (socket: Socket): void => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    };
    // A TLS connection comes twice: its TCP connection first, itself after the handshake.
    server.on('connection', add).on('secureConnection', add);
    // Before Fastify's listener, which may answer at once.
    server.prependListener('request', (request, response) => {
      this.#expectAnswer(request, response);
    });
    // Node.js would answer 417 to an unknown `Expect`. RFC 9110 lets a server ignore it.
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  }

  /** Whether the server is closing: the last answer of each connection then ends it. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Node.js closes connections that wait for their next request, but not those that never sent a byte. */
  beginClosing(): void {
    this.#isClosing = true;
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Whether the connection ends behind this response: the client asked for it, or the server closes and it is the last. */
  endsBehind(response: ServerResponse): boolean {
    const unanswered = this.#exchanges.get(response.req.socket)?.unanswered ?? [];
    return !response.shouldKeepAlive || (this.#isClosing && [...unanswered].at(-1) === response);
  }

  /** Ends a connection behind the answers that are due on it; returns false if none is due. */
  endOnceAnswered(socket: Socket): boolean {
    const exchange = this.#exchanges.get(socket);
    if (exchange === undefined || !isAnswerDue(exchange)) return false;
    exchange.endsOnceAnswered = true;
    return true;
  }

  /** Whether bytes on a connection are the rest of a request that was answered before it had come whole. */
  isRestOfAnswered(socket: Socket): boolean {
    return this.#exchanges.get(socket)?.answered?.complete === false;
  }

  /**
   * Ends a connection, and reads on until the client has had time for the answer: if a socket is closed with unread bytes,
   * TCP resets the connection, and the client may lose an answer that it has not read yet.
   */
  linger(socket: Socket): void {
    socket.end();
    const timer = setTimeout(() => {
      socket.destroy();
    }, LINGER_MS).unref();
    socket.once('close', () => {
      clearTimeout(timer);
    });
  }

  /** Lets the connection of its last answer linger. Node.js would call `destroySoon` behind it, which leaves bytes unread. */
  lingerBehind({ req: { socket } }: ServerResponse): void {
    socket.destroySoon = () => {
      this.linger(socket);
    };
  }

  #expectAnswer(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const exchange = this.#exchanges.get(socket) ?? this.#newExchange(socket);
    exchange.unanswered.add(response);
    response.once('close', () => {
      exchange.unanswered.delete(response);
      exchange.answered = request;
      if (exchange.endsOnceAnswered && !isAnswerDue(exchange)) socket.destroySoon();
    });
  }

  #newExchange(socket: Socket): DueAnswers {
    const exchange: DueAnswers = { unanswered: new Set(), endsOnceAnswered: false };
    this.#exchanges.set(socket, exchange);
    // If a connection closes, Node.js emits `close` on the response that is being sent, not on those queued behind it.
    socket.once('close', () => {
      for (const queued of exchange.unanswered) queued.destroy().emit('close');
    });
    return exchange;
  }
}

/** A request that came whole is being executed, or its answer is being sent. */
const isAnswerDue = ({ unanswered }: DueAnswers): boolean =>
  [...unanswered].some(({ req, headersSent }) => req.complete || headersSent);
