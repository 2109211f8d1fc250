import { readFile } from 'node:fs/promises';
import { isIPv4, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import type { ServiceConfig } from '../config/load.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import type { Logger } from '../logging.ts';
import type { Pincex } from '../pincex.ts';
import { packageVersion } from '../version.ts';
import { isLoopback } from './access/direct.ts';
import { startAlerting } from '../background/alerting.ts';
import { startSweeping } from '../background/sweeping.ts';
import { messageOf } from '../describe.ts';

export interface ServiceOptions {
  /** Takes the log of the service. Default: nothing is logged. */
  readonly logger?: Logger | undefined;
}

/** The HTTP service of a process. */
export interface Service {
  /** Address that it listens on. */
  readonly url: string;
  /**
   * Stops without losing a call: readiness turns red; after `service.drain_delay` new calls are refused and those that run
   * are answered.
   */
  stop(): Promise<void>;
}

/**
 * Serves the books over HTTP at the address in `service` of the configuration, as `pincex start` does, sweeps expired
 * holds, and judges alerts. The caller closes the books after {@link Service.stop}. Calls need a key: see {@link Pincex.apiKeys}.
 *
 * @throws PincexError `invalid_argument`; `invalid_configuration` if the certificate cannot be read or the address cannot be used
 *
 * @example
 * ```ts
 * const service = await startService(pincex);
 * console.log(service.url);
 * await service.stop();
 * ```
 */
export async function startService(pincex: Pincex, options?: ServiceOptions): Promise<Service> {
  const { logger } = readOptions('startService', options, OPTIONS);
  // The server takes as long to load as the rest of the library; a program that serves nothing does not load it.
  const { buildServer } = await import('./server.ts');
  const { host, port, tls, drainDelayMs, ...rest } = pincex.config.service;
  const readiness = { isDraining: false };
  const app = await buildServer(pincex, {
    ...rest,
    version: packageVersion(),
    readiness,
    isLocal: isLoopback(host),
    tls: await readTls(tls),
    ...(logger && { logger }),
  });
  try {
    // If a name has two addresses, Fastify would serve the second with another server, without our connection handling.
    await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port });
  } catch (error) {
    await app.close();
    const message = `The service cannot listen on service.host ${host}, service.port ${port}: ${messageOf(error)}`;
    throw new PincexError('invalid_configuration', message, { cause: error });
  }
  const sweeping = startSweeping(
    pincex,
    (error) => {
      app.log.error({ err: error }, 'sweep');
    },
    (problem) => {
      app.log.error({ problem }, 'sweep');
    },
  );
  const alerting = startAlerting(pincex, app.log);
  const { address, port: bound } = app.server.address() as AddressInfo;
  let stopping: Promise<void> | undefined;
  return {
    url: `${tls === null ? 'http' : 'https'}://${isIPv4(address) ? address : `[${address}]`}:${bound}`,
    stop() {
      stopping ??= drain();
      return stopping;
    },
  };

  async function drain(): Promise<void> {
    readiness.isDraining = true;
    await sleep(drainDelayMs);
    await app.close();
    await Promise.all([sweeping.stop(), alerting.stop()]);
  }
}

const OPTIONS = namesOf<ServiceOptions>({ logger: true });

/** @throws PincexError `invalid_configuration` if the files are no certificate and its key */
export async function readTls(files: ServiceConfig['tls']): Promise<ServiceConfig['tls']> {
  if (files === null) return null;
  try {
    const [cert, key] = await Promise.all([readFile(files.cert, 'utf8'), readFile(files.key, 'utf8')]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (error) {
    const message = `service.tls_cert ${files.cert} and service.tls_key ${files.key} cannot be used: ${messageOf(error)}`;
    throw new PincexError('invalid_configuration', message, { cause: error });
  }
}
