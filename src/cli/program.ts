import { Command } from 'commander';
import { packageVersion } from '../version.ts';
import { addAlerts } from './alerts.ts';
import { addAudit } from './audit.ts';
import { addBench } from './bench.ts';
import { addCatalog } from './catalog.ts';
import { addDemo } from './demo.ts';
import { addDoctor } from './doctor.ts';
import { addKeys } from './keys.ts';
import { addMigrate } from './migrate.ts';
import { addReplay } from './replay.ts';
import { errorLine } from './session.ts';
import { addShow } from './show.ts';
import { addStart } from './start.ts';
import { addSweep } from './sweep.ts';
import { addTop } from './top.ts';

/** Whether the arguments ask for JSON, even if they are otherwise refused: the error is then printed as JSON too. */
export const asksForJson = (words: readonly string[]): boolean => words.includes('--json');

/**
 * The command line with all its subcommands.
 *
 * @param json whether errors about arguments are printed as JSON
 */
export function pincexProgram(json = false): Command {
  const program = new Command('pincex')
    .description('The batch engine of an exchange, on PostgreSQL.')
    .version(packageVersion())
    .addHelpText(
      'after',
      '\nWithout DATABASE_URL or database.url in pincex.yaml it uses a PostgreSQL server of its own, under .pincex/.',
    );
  // Subcommands inherit this setting.
  if (json) {
    program.configureOutput({
      outputError(text, write) {
        const message = text.replace(/^error: /, '').trim();
        write(errorLine({ code: 'invalid_usage', message, retryable: false }));
      },
    });
  }
  addStart(program);
  addMigrate(program);
  addCatalog(program);
  addKeys(program);
  addAlerts(program);
  addAudit(program);
  addDoctor(program);
  addTop(program);
  addBench(program);
  addSweep(program);
  addShow(program);
  addReplay(program);
  addDemo(program);
  return program;
}
