import { setTimeout as sleep } from 'node:timers/promises';
import { findEndpoint, findPort } from './system/endpoint.ts';
import { notStartable } from './failure.ts';
import type { Installation } from './installation.ts';
import { tailOfLog, withLog } from './log.ts';
import { findPostmaster, type Postmaster } from './processes/postmaster.ts';
import { serverSettings } from './settings.ts';
import { supervise, type Supervised } from './processes/supervise.ts';

/** The number of ports to try: another program may take a free port before the server does. */
const PORTS = 5;

/** The timeout of a start: after a crash PostgreSQL first replays up to 1 GB of its log. */
const LONGEST_START_MS = 5 * 60_000;

/**
 * Starts the server on its cluster and waits until it accepts connections. From then on it ends with the last process that
 * uses it.
 *
 * @throws PincexError `server_not_startable` with the last lines of the server's log.
 */
export async function launchServer(installation: Installation): Promise<Postmaster> {
  const { files, binaries, user, launcher, lifeline, listens } = installation;
  for (let attempt = 1; ; attempt++) {
    const endpoint = await (listens === 'tcp' ? findPort() : findEndpoint(files.socket, user));
    const program = [binaries.postgres, '-D', files.cluster, ...serverSettings(endpoint)];
    const server = await withLog(files.log, (log) => supervise(launcher, program, log, lifeline));
    const postmaster = await untilReady(server, files.cluster);
    if (postmaster) {
      server.unref();
      return postmaster;
    }
    const log = tailOfLog(files.log);
    const lostTheRace = log.includes('Address already in use');
    if (!lostTheRace || attempt === PORTS) throw notStartable(`PostgreSQL ended at its start:\n${log}`);
  }
}

async function untilReady(server: Supervised, cluster: string): Promise<Postmaster | null> {
  const ended = server.ended.then(() => 'ended' as const);
  const deadline = Date.now() + LONGEST_START_MS;
  for (;;) {
    const postmaster = findPostmaster(cluster);
    if (postmaster?.ready) return postmaster;
    if (Date.now() > deadline) {
      throw notStartable(`PostgreSQL is not ready after ${LONGEST_START_MS / 60_000} minutes.`);
    }
    if ((await Promise.race([ended, sleep(10)])) === 'ended') return null;
  }
}
