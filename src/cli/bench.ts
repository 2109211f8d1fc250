import { SingleBar } from 'cli-progress';
import { Option, type Command } from 'commander';
import { runBench, type BenchProgress, type BenchReport } from '../bench/bench.ts';
import { measureCoveringIndex } from '../bench/coveringIndex.ts';
import { withScratchDatabase } from '../bench/scratch.ts';
import { printAudit } from './audit.ts';
import { wholeNumber } from './options.ts';
import { print, printTable } from './session.ts';

/** Seeding, warming up and the audit come on top: all of it ends within a minute. */
const DEFAULT_SECONDS = 36;

export function addBench(program: Command): void {
  program
    .command('bench')
    .description('measure batches against loops and floors, in a database of its own; ends within a minute')
    .option('--json', 'end with one JSON object on the last line')
    .option(
      '--duration <seconds>',
      'how long to measure, besides seeding, warming up and the audit',
      wholeNumber('--duration', 1, 86_400),
      DEFAULT_SECONDS,
    )
    .addOption(new Option('--covering-index', 'measure what a covering index would change').hideHelp())
    .action(async ({ json = false, duration, coveringIndex = false }: BenchOptions) => {
      if (coveringIndex) {
        const rows = await withScratchDatabase((config) => measureCoveringIndex(config, duration * 1_000));
        if (json) print(JSON.stringify({ coveringIndex: rows }));
        else printRows(rows);
        return;
      }
      const report = await withProgress((onProgress) =>
        withScratchDatabase((config) => runBench(config, duration * 1_000, onProgress)),
      );
      if (json) print(JSON.stringify(report));
      else printReport(report);
      if (!report.audit.ok) process.exitCode = 1;
    });
}

interface BenchOptions {
  readonly json?: boolean;
  readonly duration: number;
  readonly coveringIndex?: boolean;
}

/** A bar on a terminal, a line for each step elsewhere; both on standard error, which leaves the output to results. */
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

function printReport({ nPlusOne, throughput, floors, statusUpdates, caches, audit }: BenchReport): void {
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
  print('\nThe books afterwards');
  printAudit(audit);
}

/** A table of rows that are alike, a column for each of their fields. */
function printRows(rows: readonly object[]): void {
  const [first] = rows;
  if (first === undefined) return;
  printTable(
    Object.keys(first),
    rows.map((row) => Object.values(row).map(String)),
  );
}
