import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addAudit } from './audit.ts';
import { addBench } from './bench.ts';
import { addCatalog } from './catalog.ts';
import { addDemo } from './demo.ts';
import { addDoctor } from './doctor.ts';
import { addKeys } from './keys.ts';
import { addMigrate } from './migrate.ts';
import { addReplay } from './replay.ts';
import { addStart } from './start.ts';
import { addSweep } from './sweep.ts';

/** The command line with all its subcommands. */
export function pincexProgram(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const program = new Command('pincex')
    .description('The batch engine of an exchange, on PostgreSQL.')
    .version(version)
    .addHelpText(
      'after',
      '\nWithout DATABASE_URL or database.url in pincex.yaml it uses a PostgreSQL server of its own, under .pincex/.',
    );
  addStart(program, version);
  addMigrate(program);
  addCatalog(program);
  addKeys(program);
  addAudit(program);
  addDoctor(program);
  addBench(program);
  addSweep(program);
  addReplay(program);
  addDemo(program);
  return program;
}
