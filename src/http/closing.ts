import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { partBehind } from './parting.ts';
import { draining } from './problems.ts';
import type { Turns } from './turns.ts';
import { isLast } from './unreadable.ts';

/**
 * What closing the server leaves to be done: what was begun is brought to its end, and no client keeps the server from
 * ending. Register it before all other hooks.
 *
 * @param patienceMs what a client has to send the rest of its request, or to take the rest of its answer
 */
export function closeCleanly(app: FastifyInstance, turns: Turns, patienceMs: number): void {
  let isClosing = false;

  // On a connection that had a call when the server stopped listening, another one may come.
  app.addHook('onRequest', (_request, _reply, done) => {
    done(isClosing ? draining() : undefined);
  });

  // Such a connection would stay open after its answer, until its client thinks of closing it. Any other stays so: Fastify
  // ends those whose body it refused, and a client that is still sending it would often lose the answer.
  app.addHook('onSend', (request, reply, _payload, done) => {
    const endsHere = !reply.raw.shouldKeepAlive || (isClosing && isLast(reply.raw));
    if (endsHere) reply.header('connection', 'close');
    else reply.removeHeader('connection');
    if (endsHere && !request.raw.complete) partBehind(reply.raw);
    done();
  });

  // Node.js ends those that wait for their next call, but not those that have yet to send their first byte.
  const sockets = new Set<Socket>();
  const note = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  // Of TLS the connection below it has had its handshake by then.
  app.server.on('connection', note).on('secureConnection', note);

  app.addHook('preClose', (done) => {
    isClosing = true;
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    cutOnceIdle();
    done();
  });

  /** Node.js no longer looks for slow clients once the server does not listen. */
  function cutOnceIdle(): void {
    void turns.idle().then(() => {
      setTimeout(() => {
        // The rest of a request may have come meanwhile: what it asks for is being done, and is answered.
        if (!turns.isIdle) cutOnceIdle();
        else for (const socket of sockets) socket.destroy();
      }, patienceMs).unref();
    });
  }

  // A client that hung up is not waited for, but what it began is: its answer is kept.
  app.addHook('onClose', () => turns.idle());
}
