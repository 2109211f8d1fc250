import type { Command } from 'commander';
import type pg from 'pg';
import { withClient } from '../database/client.ts';
import type { Migration } from '../migrations/files.ts';
import { migrateDown, migrateUp, migrationStatus } from '../migrations/runner.ts';
import { JSON_OPTION, type JsonOption, someText, wholeNumber } from './options.ts';
import { note, print, printJson, printTable, withServer } from './session.ts';

export function addMigrate(program: Command): void {
  const migrate = program.command('migrate').description('apply or revert migrations, or show their state');

  migrate
    .command('up')
    .description('apply every pending migration; refuses while processes run')
    .option(...JSON_OPTION)
    .action(({ json = false }: JsonOption) =>
      withDatabase(async (client) => {
        const applied = await migrateUp(client, { onProgress: json ? note : print });
        if (json) printJson({ applied: applied.map(named) });
        else print(applied.length === 0 ? 'nothing to do' : `${applied.length} applied`);
      }),
    );

  migrate
    .command('down')
    .description('revert migrations, the latest first; refuses while processes run, or tables hold rows')
    .option('--steps <n>', 'how many', wholeNumber('--steps', 1, 1_000), 1)
    .option(
      '--drop-data <name>',
      'drop the data of the tables, for good: the name of this database',
      someText('--drop-data'),
    )
    .option(...JSON_OPTION)
    .action(({ json = false, ...options }: DownOptions) =>
      withDatabase(async (client) => {
        const undone = await migrateDown(client, { ...options, onProgress: json ? note : print });
        if (json) printJson({ takenBack: undone.map(named) });
        else print(undone.length === 0 ? 'nothing to do' : `${undone.length} taken back`);
      }),
    );

  migrate
    .command('status')
    .description('list the migrations and their state in the database')
    .option(...JSON_OPTION)
    .action(({ json = false }: JsonOption) =>
      withDatabase(async (client) => {
        const states = await migrationStatus(client);
        if (json) {
          printJson(states);
          return;
        }
        printTable(
          ['version', 'name', 'state', 'applied at'],
          states.map(({ version, name, state, appliedAt }) => [
            String(version),
            name,
            state,
            appliedAt?.toISOString() ?? '',
          ]),
        );
      }),
    );
}

interface DownOptions extends JsonOption {
  readonly steps: number;
  readonly dropData?: string;
}

const named = ({ version, name }: Migration): object => ({ version, name });

/** A connection to the configured server, or to the embedded one. */
function withDatabase(work: (client: pg.Client) => Promise<void>): Promise<void> {
  return withServer(({ url }) => withClient(url, work));
}
