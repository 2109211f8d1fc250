import { pino } from 'pino';
import { loadConfig, type Config } from '../config/load.ts';
import { embeddedServerEnded } from '../database/failures.ts';
import { isInForce, parseKey } from '../apiKeys/keySecrets.ts';
import type { CreatedKey } from '../apiKeys/store.ts';
import { readTls, startService } from '../http/service.ts';
import type { Pincex } from '../pincex.ts';
import { note, print, printJson, withPincex } from './session.ts';
import { untilSignal } from './signals.ts';

/**
 * Serves the books over HTTP until a signal comes. These settings override those of the configuration.
 *
 * @param json whether events are printed as lines of JSON
 */
export async function serveBooks(
  settings: Partial<Pick<Config['service'], 'port' | 'host'>>,
  json: boolean,
): Promise<void> {
  const config = loadConfig();
  const service = { ...config.service, ...settings };
  // Errors in these files have to be found before the books are created.
  await readTls(service.tls);
  await withPincex((pincex) => serve(pincex, json), {
    config: { ...config, service },
    onProgress: note,
  });
}

/** Serves until a signal comes; the books are closed afterwards. */
async function serve(pincex: Pincex, json: boolean): Promise<void> {
  const stopped = untilSignal();
  // Standard output is for the information that callers need; the log is for troubleshooting.
  const service = await startService(pincex, { logger: pino({ name: 'pincex' }, pino.destination(2)) });
  try {
    await ensureKey(pincex, json);
    const { url } = service;
    const documentation = `${url}/docs`;
    if (json) printJson({ event: 'listening', url, documentation });
    else
      print(`listening on ${url}, which is a page to open in a browser; documentation at ${documentation}`);
    const why = await Promise.race([stopped, embeddedServer(pincex)]);
    if (json) printJson({ event: 'stopping', signal: why });
    else note(`stopping on ${why}: calls under way are answered first`);
  } finally {
    await service.stop();
  }
}

/**
 * Fails once the embedded server has ended: without it the service cannot recover. Never resolves without an embedded server.
 */
async function embeddedServer({ serverEnded }: Pincex): Promise<never> {
  await serverEnded;
  throw embeddedServerEnded();
}

/**
 * Creates a first API key if the books have none, since no call works without a key. Every reader of this process's output
 * then has that key, so each start warns until it is revoked.
 */
async function ensureKey({ apiKeys, config }: Pincex, json: boolean): Promise<void> {
  const { firstKey } = config.service;
  const first = await apiKeys.createFirst(firstKey);
  if (first !== undefined) tellFirst(first, firstKey === null, json);
  const inForce = (await apiKeys.list()).find((key) => key.isFirst && isInForce(key));
  if (inForce === undefined || inForce.id === (firstKey && parseKey(firstKey)?.id)) return;
  note(
    `WARNING: the first key, ${inForce.id}, has all rights and was printed where logs may keep it: make keys of fewer scopes (pincex keys create), then revoke it: pincex keys revoke ${inForce.id}`,
  );
}

function tellFirst({ id, key }: CreatedKey, isNew: boolean, json: boolean): void {
  if (json) printJson({ event: 'first_key', id, ...(isNew && { key }) });
  else if (isNew)
    print(`a first key, with all rights, which is not stored and will not be shown again: ${key}`);
  else print(`the first key, with all rights, is that of service.first_key: ${id}`);
}
