import path from 'node:path';
import type { Command } from 'commander';
import { runNPlusOne, type Comparison } from '../bench/nPlusOne.ts';
import { withoutCache } from '../bench/books/stores.ts';
import { loadConfig, type Config } from '../config/load.ts';
import { generateDay } from '../demo/generator.ts';
import { startDemoServer } from '../demo/server.ts';
import { Pincex } from '../pincex.ts';
import { startProgress } from '../replay/progress.ts';
import { replay, type ReplaySummary } from '../replay/replay.ts';
import { printAudit } from './audit.ts';
import { serveDemo } from './demoService.ts';
import { JSON_OPTION, type JsonOption, wholeNumber } from './options.ts';
import { printReplay } from './replay.ts';
import { note, print, printJson, printTable, withPincex } from './session.ts';

const N_PLUS_ONE_MS = 8_000;
/** The share of lines that are followed by mangled ones, as real recorders leave them. */
const MESSY = 0.01;

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('run a made-up day of an exchange on a PostgreSQL server of its own, in about 30 seconds')
    .option('--events <n>', 'how long the day is', wholeNumber('--events', 1, 10_000_000), 50_000)
    .option('--seed <n>', 'which day', wholeNumber('--seed', 0, 4_294_967_295), 1)
    .option('--serve', 'open the page on it afterwards, with a day that goes on until Ctrl-C')
    .option(...JSON_OPTION)
    .action(runDemo);
}

interface DemoOptions extends JsonOption {
  readonly events: number;
  readonly seed: number;
  readonly serve?: boolean;
}

async function runDemo({ json = false, serve = false, ...options }: DemoOptions): Promise<void> {
  // With JSON, progress messages are not part of the result.
  const tell = json ? note : print;
  const configured = loadConfig();
  const dataDir = path.join(configured.dataDir, 'demo');
  // A made-up day uses neither the configured replica nor the shared cache.
  const database = { ...configured.database, url: null, readUrl: null };
  const config = { ...configured, dataDir, database, redis: null };
  tell(`A PostgreSQL server of its own, in ${dataDir}`);
  const server = await startDemoServer(dataDir, (message) => {
    tell(`  ${message}`);
  });
  try {
    let statements = 0;
    const onStatement = (): void => {
      statements++;
    };
    const pincex = await Pincex.open({ config, onStatement });
    try {
      tell(
        `\nA day of an exchange: ${options.events} events, of 1000 users with the money that such users have`,
      );
      const day = await runDay(pincex, options, () => statements);
      if (!json) printReplay(day);
      tell('\nOne by one against one batch, on the same database, without a cache');
      const comparisons = await compare(config);
      if (!json) printComparisons(comparisons);
      tell('\nThe books after all of it');
      const audit = await pincex.audit();
      if (json) printJson({ day, comparisons, audit });
      else printAudit(audit);
      if (!audit.ok) process.exitCode = 1;
      if (serve) await serveDemo(pincex, { ...options, json });
      else {
        tell(
          `\nTo look at this day on the page of the service: PINCEX_DATA_DIR=${dataDir} pincex start\nWith a day that goes on: pincex demo --serve`,
        );
      }
    } finally {
      await pincex.close();
    }
  } finally {
    await server.stop();
  }
}

async function runDay(
  pincex: Pincex,
  { events, seed }: { events: number; seed: number },
  statements: () => number,
): Promise<ReplaySummary> {
  const progress = startProgress('day');
  try {
    return await replay(pincex, generateDay({ events, seed, messy: MESSY }), {
      batch: pincex.config.database.optimizedRepository.batchSize,
      users: 1_000,
      funding: 'tight',
      symbol: 'BTC/USD',
      statements,
      onProgress(count) {
        progress.update(count / events, `${count} events`);
      },
    });
  } finally {
    progress.stop();
  }
}

/** Compares a call for each row with one call for all rows. */
async function compare(config: Config): Promise<Comparison[]> {
  const progress = startProgress('compare');
  return withPincex(
    (pincex) => runNPlusOne(pincex, { budgetMs: N_PLUS_ONE_MS, onProgress: progress.update }),
    { config: withoutCache(config) },
  ).finally(() => {
    progress.stop();
  });
}

function printComparisons(comparisons: readonly Comparison[]): void {
  printTable(
    ['operation', 'one by one', 'batch', 'ratio'],
    comparisons.map(({ operation, loopMs, batchMs, ratio }) => [
      operation,
      `${loopMs.toFixed(1)} ms`,
      `${batchMs.toFixed(1)} ms`,
      `${ratio.toFixed(1)} x`,
    ]),
  );
}
