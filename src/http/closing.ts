import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { partBehind } from './parting.ts';
import { draining } from './problems.ts';
import type { Turns } from './turns.ts';
import { isLast } from './unreadable.ts';

/** Whether the server closes. */
export interface Closing {
  isUnderWay: boolean;
}

/**
 * Tells with an answer whether its connection ends behind it, and lets it end so that the answer arrives. While the server
 * closes the last one does: it would stay open until its client thinks of closing it. Any other stays open: Fastify ends
 * those whose body it refused, and a client that is still sending it would often lose the answer. What has not been read of
 * its request is passed over.
 */
export function settleConnection(
  { isUnderWay }: Closing,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const endsHere = !reply.raw.shouldKeepAlive || (isUnderWay && isLast(reply.raw));
  if (endsHere) reply.header('connection', 'close');
  else reply.removeHeader('connection');
  request.raw.resume();
  if (endsHere && !request.raw.complete) partBehind(reply.raw);
}

/**
 * What closing the server leaves to be done: what was begun is brought to its end, and no client keeps the server from
 * ending. Register it before all other hooks.
 *
 * @param patienceMs what a client has to send the rest of its request, or to take the rest of its answer
 */
export function closeCleanly(app: FastifyInstance, closing: Closing, turns: Turns, patienceMs: number): void {
  // On a connection that had a call when the server stopped listening, another one may come.
  app.addHook('onRequest', (_request, _reply, done) => {
    done(closing.isUnderWay ? draining() : undefined);
  });

  app.addHook('onSend', (request, reply, _payload, done) => {
    settleConnection(closing, request, reply);
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
    closing.isUnderWay = true;
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
