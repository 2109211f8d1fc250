import type { ClientBase } from 'pg';
import { PincexError } from '../errors.ts';
import type { MigrationFile } from './files.ts';
import type { Statement } from './statements.ts';

/**
 * Runs a file and then `note`, which writes the file into the history: in one transaction, or, for a file that begins with
 * `-- no transaction`, one statement after the other. Such a file can stop half-way; its statements therefore say
 * IF [NOT] EXISTS, and the whole file is run again.
 *
 * @throws PincexError `migration_failed` naming the file and the statement.
 */
export async function executeFile(
  client: ClientBase,
  file: MigrationFile,
  note: () => Promise<void>,
): Promise<void> {
  if (!file.inTransaction) {
    await runStatements(client, file);
    await note();
    return;
  }
  await client.query('BEGIN');
  try {
    await runStatements(client, file);
    await note();
    await client.query('COMMIT');
  } catch (error) {
    // If the connection broke, the transaction was rolled back.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/**
 * Rehearses the files: runs them in one transaction and rolls it back, so that a failure is found before anything is committed.
 * Files without a transaction are left out; they only create and drop indexes, which no other file depends on.
 *
 * @throws PincexError `migration_failed` naming the file and the statement.
 */
export async function rehearse(client: ClientBase, files: readonly MigrationFile[]): Promise<void> {
  await client.query('BEGIN');
  try {
    for (const file of files) if (file.inTransaction) await runStatements(client, file);
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

async function runStatements(client: ClientBase, file: MigrationFile): Promise<void> {
  for (const statement of file.statements) {
    try {
      await dropInvalidIndex(client, statement);
      await client.query(statement.text);
    } catch (error) {
      throw failed(file, statement, error as Error);
    }
  }
}

/**
 * Drops an invalid index. If `CREATE INDEX CONCURRENTLY` fails, it leaves an invalid index, which IF NOT EXISTS would take for
 * the finished one.
 */
async function dropInvalidIndex(client: ClientBase, { text }: Statement): Promise<void> {
  const match = /^create\s+(?:unique\s+)?index\s+concurrently\s+if\s+not\s+exists\s+([\w."]+)/i.exec(text);
  const index = match?.[1];
  if (index === undefined) return;
  const invalid = await client.query(
    'SELECT FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid',
    [index],
  );
  if (invalid.rowCount !== 0) await client.query(`DROP INDEX CONCURRENTLY ${index}`);
}

function failed(file: MigrationFile, statement: Statement, cause: Error): PincexError {
  const { detail, hint } = cause as { detail?: string; hint?: string };
  const reason = [cause.message, detail, hint].filter(Boolean).join(' ');
  return new PincexError(
    'migration_failed',
    `${file.name}, line ${statement.line}: ${reason}\n  ${shorten(statement.text)}`,
    { cause },
  );
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
