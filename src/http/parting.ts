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

/** So ends the connection of its last answer, which comes before the request is there whole. */
export function partBehind({ req: { socket } }: ServerResponse): void {
  // What Node.js calls behind a last answer: it would leave unread what is still to come.
  socket.destroySoon = () => {
    part(socket);
  };
}
