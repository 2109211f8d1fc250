import type { Command } from 'commander';
import { pino } from 'pino';
import { loadConfig } from '../config/load.ts';
import { KeyStore } from '../http/access/store.ts';
import { startService } from '../http/service.ts';
import type { Pincex } from '../pincex.ts';
import { wholeNumber } from './options.ts';
import { print, withPincex } from './session.ts';

export function addStart(program: Command, version: string): void {
  program
    .command('start')
    .description('serve the books over HTTP until it is told to stop (SIGINT, SIGTERM)')
    .option('--port <n>', 'over service.port; 0: any that is free', wholeNumber('--port', 0, 65_535))
    .option('--host <host>', 'over service.host; 0.0.0.0 for all networks')
    .action(async (options: { port?: number; host?: string }) => {
      const config = loadConfig();
      const service = { ...config.service, ...options };
      await withPincex((pincex) => serve(pincex, version), {
        config: { ...config, service },
        onProgress: note,
      });
    });
}

/** Serves until a signal comes; the books are closed afterwards. */
async function serve(pincex: Pincex, version: string): Promise<void> {
  const stopped = signal();
  // Standard output is for what a caller needs to know; the log is for who looks for a problem.
  await ensureKey(pincex);
  const service = await startService(pincex, version, pino({ name: 'pincex' }, pino.destination(2)));
  print(`listening on ${service.url}, documentation at ${service.url}/docs`);
  note(`stopping on ${await stopped}: calls under way are answered first`);
  await service.stop();
}

/** Nobody can do anything without a key: books that have none get one. */
async function ensureKey({ session }: Pincex): Promise<void> {
  const first = await new KeyStore(session).createFirst();
  if (first === undefined) return;
  print(`a first key, with all rights, which is not stored and will not be shown again: ${first.key}`);
}

/** The first signal to stop. A second one ends the process at once, as ever. */
function signal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, resolve);
  });
}

const note = (message: string): void => {
  process.stderr.write(`${message}\n`);
};
