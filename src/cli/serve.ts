import { pino } from 'pino';
import { loadConfig, type Config } from '../config/load.ts';
import { embeddedServerEnded } from '../database/failures.ts';
import { isInForce, parseKey } from '../apiKeys/keySecrets.ts';
import type { CreatedKey } from '../apiKeys/store.ts';
import { readTls, startService } from '../http/service.ts';
import type { Pincex } from '../pincex.ts';
import { note, print, printJson, withPincex } from './session.ts';

/**
 * Serves the books over HTTP until a signal comes, with these settings over the configuration's.
 *
 * @param json whether what happens is told as lines of JSON
 */
export async function serveBooks(
  settings: Partial<Pick<Config['service'], 'port' | 'host'>>,
  json: boolean,
): Promise<void> {
  const config = loadConfig();
  const service = { ...config.service, ...settings };
  // A fault in these files has to be found before the books are made.
  await readTls(service.tls);
  await withPincex((pincex) => serve(pincex, json), {
    config: { ...config, service },
    onProgress: note,
  });
}

/** Serves until a signal comes; the books are closed afterwards. */
async function serve(pincex: Pincex, json: boolean): Promise<void> {
  const stopped = signal();
  // Standard output is for what a caller needs to know; the log is for who looks for a problem.
  const service = await startService(pincex, { logger: pino({ name: 'pincex' }, pino.destination(2)) });
  try {
    await ensureKey(pincex, json);
    const { url } = service;
    const documentation = `${url}/docs`;
    if (json) printJson({ event: 'listening', url, documentation });
    else print(`listening on ${url}, documentation at ${documentation}`);
    const why = await Promise.race([stopped, embeddedServer(pincex)]);
    if (json) printJson({ event: 'stopping', signal: why });
    else note(`stopping on ${why}: calls under way are answered first`);
  } finally {
    await service.stop();
  }
}

/** Fails once it is gone, where there is one: without it nothing can be served ever again. */
async function embeddedServer({ serverEnded }: Pincex): Promise<never> {
  await serverEnded;
  throw embeddedServerEnded();
}

/**
 * Nobody can do anything without a key: books that have none get one. Every reader of the output of this process
 * then has it, so each start warns until it is revoked.
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

/** The first signal to stop. A second one ends the process at once, as ever. */
function signal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const names = ['SIGINT', 'SIGTERM'] as const;
    const first = (name: NodeJS.Signals): void => {
      for (const each of names) process.off(each, first);
      resolve(name);
    };
    for (const name of names) process.on(name, first);
  });
}
