import { SingleBar } from 'cli-progress';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { runBench, type BenchProgress, type BenchReport } from '../bench/bench.ts';
import { measureCoveringIndex } from '../bench/coveringIndex.ts';
import { measureDay, type DayOptions, type DayReport } from '../bench/day/day.ts';
import type { HttpReport } from '../bench/http.ts';
import { withScratchDatabase } from '../bench/books/scratch.ts';
import { generateDay } from '../demo/generator.ts';
import { startProgress } from '../replay/progress.ts';
import { openSource } from '../replay/recording/source.ts';
import { printAudit } from './audit.ts';
import { JSON_OPTION, type JsonOption, wholeNumber } from './options.ts';
import { print, printJson, printTable } from './session.ts';

/** The time for measuring. With seeding, warming up and the audit, a run ends within a minute. */
const DEFAULT_SECONDS = 36;
/** The maximum share of reads. With more, almost nothing would be written. */
const MOST_READS = 0.999;

export function addBench(program: Command): void {
  program
    .command('bench')
    .description('measure batches against loops and floors, in a database of its own; ends within a minute')
    .option(...JSON_OPTION)
    .option(
      '--duration <seconds>',
      'how long to measure, besides seeding, warming up and the audit',
      wholeNumber('--duration', 1, 86_400),
      DEFAULT_SECONDS,
    )
    .option(
      '--day [file]',
      'replay this recorded day instead, or a made-up one, beside readers; measure hits of the cache and prove that no read is stale',
    )
    .option('--reads <share>', 'with --day: how many of all operations are reads', readsShare, 0.9)
    .option('--http', 'measure the HTTP service instead: its cost for a batch, and calls of one item')
    .addOption(new Option('--covering-index', 'measure the effect of a covering index').hideHelp())
    .action(
      async ({ json = false, duration, day, reads, http = false, coveringIndex = false }: BenchOptions) => {
        if (day !== undefined) {
          await benchDay(day, { reads, durationMs: duration * 1_000 }, json);
          return;
        }
        if (http) {
          // Loading the service takes as long as loading all other modules, so only this command does.
          const { measureHttp } = await import('../bench/http.ts');
          const report = await withScratchDatabase((config) => measureHttp(config, duration * 1_000));
          if (json) printJson(report);
          else printHttp(report);
          if (!report.audit.ok) process.exitCode = 1;
          return;
        }
        if (coveringIndex) {
          const rows = await withScratchDatabase((config) => measureCoveringIndex(config, duration * 1_000));
          if (json) printJson({ coveringIndex: rows });
          else printRows(rows);
          return;
        }
        const report = await withProgress((onProgress) =>
          withScratchDatabase((config) => runBench(config, duration * 1_000, onProgress)),
        );
        if (json) printJson(report);
        else printReport(report);
        if (!report.audit.ok) process.exitCode = 1;
      },
    );
}

interface BenchOptions extends JsonOption {
  readonly duration: number;
  readonly day?: string | true;
  readonly reads: number;
  readonly http?: boolean;
  readonly coveringIndex?: boolean;
}

function readsShare(text: string): number {
  const share = Number(text);
  if (/^[\d.]+$/.test(text) && share >= 0 && share <= MOST_READS) return share;
  throw new InvalidArgumentError(`--reads takes a share from 0 to ${MOST_READS}.`);
}

async function benchDay(day: string | true, options: DayOptions, json: boolean): Promise<void> {
  const events =
    day === true ? generateDay({ events: Infinity, messy: 0.01 }) : (await openSource(day)).events;
  const bar = startProgress('day');
  const report = await withScratchDatabase((config) =>
    measureDay(config, events, {
      ...options,
      onProgress(count, share) {
        bar.update(share, `${count} events`);
      },
    }),
  ).finally(() => {
    bar.stop();
  });
  if (json) printJson(report);
  else printDay(report);
  const isStale = report.staleWithMinVersion + report.staleAfterPublication > 0;
  if (isStale || !report.audit.ok) process.exitCode = 1;
}

function printHttp({ batches, single, audit }: HttpReport): void {
  print('A batch of locks by the library and over HTTP, in one process');
  printRows(batches);
  print('\nCalls of one lock each, one after the other on each connection');
  printRows(single);
  print('\nThe books afterwards');
  printAudit(audit);
}

function printDay(report: DayReport): void {
  const { store, events, reads, writes, seconds, hitRate } = report;
  print(`${events} events in ${seconds} s: ${writes} writes, ${reads} reads, cache: ${store}`);
  printTable(
    ['read', 'found in the cache'],
    Object.entries(hitRate).map(([kind, share]) => [kind, `${(share * 100).toFixed(1)} %`]),
  );
  print(`${report.staleWithMinVersion} reads returned less than the version that they asked for`);
  print(
    `${report.staleAfterPublication} reads returned the state before a change that was published when they began`,
  );
  print(
    `Up to ${report.longestStaleMs} ms after a commit, while it was published, a read began that did not show it; publishing took up to ${report.longestPublicationMs} ms`,
  );
  print('\nThe books afterwards');
  printAudit(report.audit);
}

/**
 * Shows progress on standard error, since standard output is for results: a bar on a terminal, otherwise a line for each
 * step.
 */
async function withProgress<Result>(work: (onProgress: BenchProgress) => Promise<Result>): Promise<Result> {
  if (!process.stderr.isTTY) return work((_, what) => process.stderr.write(`${what}\n`));
  const bar = new SingleBar({
    format: '{bar} {percentage}%  {what}',
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(100, 0, { what: '' });
  try {
    return await work((share, what) => {
      bar.update(Math.round(share * 100), { what });
    });
  } finally {
    bar.stop();
  }
}

function printReport(report: BenchReport): void {
  const { nPlusOne, throughput, floors, statusUpdates, caches, monitor, audit } = report;
  print('A loop over single calls against one batch');
  printTable(
    ['operation', 'loop', 'batch', 'ratio'],
    nPlusOne.map(({ operation, loopMs, batchMs, ratio }) => [
      operation,
      `${loopMs} ms`,
      `${batchMs} ms`,
      `${ratio} x`,
    ]),
  );
  print('\nBatches by size, over 100,000 accounts');
  printRows(throughput);
  print('\nThe engine against the bare statements it sends, and against the conventional statement');
  printRows(floors);
  print('\nStatus updates by CASE against UPDATE … FROM unnest');
  printRows(statusUpdates);
  print('\nThe same accounts from PostgreSQL and from caches that have them all');
  printRows(caches);
  if (!caches.some(({ store }) => store === 'redis'))
    print('Set REDIS_URL, or redis.* in pincex.yaml, to see Redis.');
  print('\nCalls with the monitor on and off');
  printRows(monitor.calls);
  print(
    `The monitor takes ${monitor.operationNs} ns to start and end an operation, ${monitor.batchNs} ns to record a batch of 100.`,
  );
  print('\nThe books afterwards');
  printAudit(audit);
}

/** Prints a table of rows with the same fields, one column for each field. */
function printRows(rows: readonly object[]): void {
  const [first] = rows;
  if (first === undefined) return;
  printTable(
    Object.keys(first),
    rows.map((row) => Object.values(row).map(String)),
  );
}
