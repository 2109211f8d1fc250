import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { notStartable } from '../failure.ts';
import type { Endpoint } from '../system/endpoint.ts';
import { commandOf, identify, isRunning, pidOf } from './identity.ts';

/** A server process that runs on a cluster. */
export interface Postmaster {
  /** Identifies the process uniquely: see `identity.ts`. */
  readonly identity: string;
  readonly endpoint: Endpoint;
  /** False while it starts, recovers or stops. */
  readonly ready: boolean;
}

/** The timeout of a fast shutdown, which writes all dirty buffers to disk. */
const FAST_SHUTDOWN_MS = 60_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;

/** Finds the server that runs on a cluster by its `postmaster.pid`; null if the file is missing or stale. */
export function findPostmaster(cluster: string): Postmaster | null {
  let lines: string[];
  try {
    lines = readFileSync(pidFile(cluster), 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const pid = Number(lines[0]);
  // The id may belong to another program by now.
  if (!(pid > 0) || !commandOf(pid).includes(` -D ${cluster} `)) return null;
  const identity = identify(pid);
  if (identity === null) return null;
  const socket = lines[4] ?? '';
  const endpoint = { host: socket === '' ? '127.0.0.1' : socket, port: Number(lines[3]) };
  return { identity, endpoint, ready: lines[7]?.trim() === 'ready' };
}

/**
 * Removes the `postmaster.pid` of a server that has ended. PostgreSQL does so itself, unless the process id now belongs to
 * another program of the same user.
 */
export function removeStalePidFile(cluster: string): void {
  if (!findPostmaster(cluster)) rmSync(pidFile(cluster), { force: true });
}

/**
 * Stops a server with a fast shutdown: transactions in progress are rolled back, and data is written to disk. If that takes
 * longer than a minute, an immediate shutdown follows, after which PostgreSQL recovers at its next start.
 */
export async function stopPostmaster(identity: string): Promise<void> {
  if (await signalAndWait(identity, 'SIGINT', FAST_SHUTDOWN_MS)) return;
  if (await signalAndWait(identity, 'SIGQUIT', IMMEDIATE_SHUTDOWN_MS)) return;
  throw notStartable(`the server process ${pidOf(identity)} does not stop.`);
}

async function signalAndWait(identity: string, signal: NodeJS.Signals, limitMs: number): Promise<boolean> {
  if (!isRunning(identity)) return true;
  process.kill(pidOf(identity), signal);
  const deadline = Date.now() + limitMs;
  while (isRunning(identity)) {
    if (Date.now() > deadline) return false;
    await sleep(10);
  }
  return true;
}

function pidFile(cluster: string): string {
  return path.join(cluster, 'postmaster.pid');
}
