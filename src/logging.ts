import { pino } from 'pino';
import type { StatementRun } from './database/database.ts';

/** Logs every statement with its time and rows, as JSON lines on standard error: standard output is for results. */
export function statementLog(): (run: StatementRun) => void {
  const logger = pino({ name: 'pincex', level: 'debug' }, pino.destination({ dest: 2, sync: true }));
  return ({ name, server, durationMs, rows }) => {
    logger.debug({ statement: name, server, durationMs, rows }, 'statement');
  };
}
