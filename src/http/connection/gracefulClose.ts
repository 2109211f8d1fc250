import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { CallGate } from '../load/callGate.ts';
import { draining } from '../problems/problem.ts';
import type { Connections } from './connections.ts';

/**
 * Decides with an answer whether its connection ends behind it. Connections stay open, also behind a refused body: Fastify
 * would close those at once, and a client that is still sending would often lose the answer. While the server closes, the
 * last answer of each connection ends it. The unread rest of the request is discarded.
 */
export function settleConnection(
  connections: Connections,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const endsHere = connections.endsBehind(reply.raw);
  if (endsHere) reply.header('connection', 'close');
  else reply.removeHeader('connection');
  request.raw.resume();
  if (endsHere && !request.raw.complete) connections.lingerBehind(reply.raw);
}

/**
 * Closes the server without losing a call: calls that have begun are answered, new ones are refused, and no client keeps
 * the server from ending.
 *
 * @param patienceMs milliseconds that a client has to send the rest of its request, or to take the rest of its answer
 */
export function closeGracefully(
  app: FastifyInstance,
  connections: Connections,
  gate: CallGate,
  patienceMs: number,
): void {
  // A connection that had a call when the server stopped listening can bring another one.
  app.addHook('onRequest', (_request, _reply, done) => {
    done(connections.isClosing ? draining() : undefined);
  });

  app.addHook('onSend', (request, reply, _payload, done) => {
    settleConnection(connections, request, reply);
    done();
  });

  app.addHook('preClose', (done) => {
    connections.beginClosing();
    destroyOnceIdle();
    done();
  });

  /** Node.js no longer enforces its timeouts once the server does not listen. */
  function destroyOnceIdle(): void {
    void gate.idle().then(() => {
      setTimeout(() => {
        // If the rest of a request came meanwhile, its call runs now and is answered first.
        if (gate.isIdle) connections.destroyAll();
        else destroyOnceIdle();
      }, patienceMs).unref();
    });
  }

  // The client of a running call may have hung up. Its answer is stored all the same, so closing waits for the call.
  app.addHook('onClose', () => gate.idle());
}
