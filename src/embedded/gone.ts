import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 1_000;

/**
 * Resolves once nothing listens at the URL of an embedded server any more. It was stopped then, or crashed, and does not
 * come back there. Waiting for it keeps no process alive.
 */
export async function untilGone(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  do await sleep(EVERY_MS, undefined, { ref: false });
  while (await isHeard(hostname, Number(port)));
}

function isHeard(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Whatever else goes wrong says nothing about the server.
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED');
    });
  });
}
