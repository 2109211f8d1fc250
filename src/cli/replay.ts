import { Option, type Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { Funding } from '../replay/funding.ts';
import { startProgress } from '../replay/progress.ts';
import { replay, type ReplaySummary } from '../replay/replay.ts';
import { openSource } from '../replay/recording/source.ts';
import { printAudit } from './audit.ts';
import { JSON_OPTION, type JsonOption, wholeNumber } from './options.ts';
import { print, printJson, withPincex } from './session.ts';

interface Options extends JsonOption {
  readonly batch?: number;
  readonly users: number;
  readonly funding: Funding;
  readonly symbol: string;
}

export function addReplay(program: Command): void {
  program
    .command('replay <file>')
    .description(
      'run recorded limit-order events through the engine and audit the books; run again, it changes nothing',
    )
    .option(
      '--batch <n>',
      'events in one batch; default: database.optimized_repository.batch_size',
      wholeNumber('--batch', 1, 10_000),
    )
    .option('--users <n>', 'users that the orders are spread over', wholeNumber('--users', 1, 100_000), 1_000)
    .addOption(
      new Option('--funding <how>', 'whether users have enough for every order, or some have not')
        .choices(['ample', 'tight'])
        .default('ample'),
    )
    .option('--symbol <symbol>', 'the market', 'BTC/USD')
    .option(...JSON_OPTION)
    .action(replayFile);
}

async function replayFile(file: string, { batch, json = false, ...options }: Options): Promise<void> {
  const config = loadConfig();
  const source = await openSource(file);
  let statements = 0;
  const onStatement = (): void => {
    statements++;
  };
  const summary = await withPincex(
    async (pincex) => {
      const bar = startProgress('replay');
      try {
        return await replay(pincex, source.events, {
          ...options,
          batch: batch ?? config.database.optimizedRepository.batchSize,
          statements: () => statements,
          onProgress(count) {
            bar.update(source.progress(), `${count} events`);
          },
        });
      } finally {
        bar.stop();
      }
    },
    { config, onStatement },
  );
  if (json) printJson(summary);
  else {
    printReplay(summary);
    print('');
    printAudit(summary.audit);
  }
  if (!summary.audit.ok) process.exitCode = 1;
}

export function printReplay(summary: ReplaySummary): void {
  const { events, orders, cancelled, filled, skipped, rejected } = summary;
  print(`${events} events`);
  print(`  ${orders} orders placed, ${summary.openOrders} of them open`);
  print(`  ${cancelled} cancelled${atOtherVolume(summary)}`);
  print(
    `  ${filled} fills: ${summary.pairedTrades} trades between them, ${summary.unpairedFills} without another side`,
  );
  for (const [code, count] of Object.entries(rejected)) print(`  ${count} rejected: ${code}`);
  for (const [reason, count] of Object.entries(skipped)) print(`  ${count} skipped: ${reason}`);
  if (summary.replayed > 0) print(`  ${summary.replayed} of them had been done before and changed nothing`);
  print(
    `${summary.batches} batches, ${summary.statements} statements, ${summary.seconds.toFixed(1)} s: ${summary.eventsPerSecond} events/s`,
  );
}

function atOtherVolume({ cancelledAtOtherVolume: count }: ReplaySummary): string {
  return count === 0 ? '' : `, ${count} with another remainder than the events before had left`;
}
