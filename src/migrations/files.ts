import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PincexError } from '../errors.ts';
import { splitStatements, type Statement } from './statements.ts';

/** The migrations of Pincex itself; the same path from src/ and from dist/. */
export const defaultFolder = fileURLToPath(new URL('../../migrations/postgres/', import.meta.url));

/** An SQL file of a migration. */
export interface MigrationFile {
  readonly name: string;
  readonly statements: readonly Statement[];
  /** False if its first line is `-- no transaction`. */
  readonly inTransaction: boolean;
}

/** A migration, read from its files. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  /** The checksum of the up file: a migration that was applied must not change. */
  readonly checksum: string;
  readonly up: MigrationFile;
  /** Null if the migration cannot be reverted. */
  readonly down: MigrationFile | null;
}

/**
 * Reads `NNN_name.up.sql` and `NNN_name.down.sql`, in the order of their numbers.
 *
 * @throws PincexError `migration_failed` if a file has another form of name, or two migrations have the same number.
 */
export function readMigrations(folder: string): Migration[] {
  const migrations = new Map<number, Migration>();
  for (const file of readdirSync(folder).sort()) {
    const match = /^(\d+)_(\w+)\.(up|down)\.sql$/.exec(file);
    if (!match)
      throw new PincexError('migration_failed', `${file} is no NNN_name.up.sql or NNN_name.down.sql.`);
    const [, digits = '', name = '', direction] = match;
    if (direction === 'down') {
      if (existsSync(path.join(folder, `${digits}_${name}.up.sql`))) continue;
      throw new PincexError('migration_failed', `${file} has no ${digits}_${name}.up.sql.`);
    }
    const version = Number(digits);
    const twin = migrations.get(version);
    if (twin) throw new PincexError('migration_failed', `${file} and ${twin.up.name} have the same number.`);
    const down = `${digits}_${name}.down.sql`;
    const text = readText(folder, file);
    migrations.set(version, {
      version,
      name,
      checksum: createHash('sha256').update(text).digest('hex'),
      up: parse(file, text),
      down: existsSync(path.join(folder, down)) ? parse(down, readText(folder, down)) : null,
    });
  }
  return [...migrations.values()].sort((a, b) => a.version - b.version);
}

function parse(name: string, text: string): MigrationFile {
  return {
    name,
    statements: splitStatements(text),
    inTransaction: !/^-- no transaction[ \t]*(\n|$)/.test(text),
  };
}

/** The checksum ignores line endings, since Git may check files out with other ones. */
function readText(folder: string, file: string): string {
  return readFileSync(path.join(folder, file), 'utf8').replaceAll('\r\n', '\n');
}
