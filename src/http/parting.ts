import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How long the last answer of a connection has to arrive, in milliseconds. */
const PARTING_MS = 2_000;

/** Ends a connection, and not at once: what its client is still sending would, left unread, take away the last answer. */
export function part(socket: Socket): void {
  socket.end();
  const parting = setTimeout(() => {
    socket.destroy();
  }, PARTING_MS).unref();
  socket.once('close', () => {
    clearTimeout(parting);
  });
}

/** Ends a connection behind an answer that comes before its request is there whole: Node.js would do so at once. */
export function partBehind(response: ServerResponse): void {
  response.shouldKeepAlive = true;
  // It is not kept, so that is not what the client is told.
  response.removeHeader('connection');
  response.once('finish', () => {
    part(response.req.socket);
  });
}
