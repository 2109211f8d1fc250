import type { ServerResponse } from 'node:http';

/** Runs `release` once the client has taken the whole response or has hung up, at once if it already has. */
export function onceClosed(response: ServerResponse, release: () => void): void {
  if (response.destroyed) release();
  else response.once('close', release);
}
