import { defaultFolder, readMigrations } from '../migrations/files.ts';

/** An index as the migrations make it. */
export interface MigratedIndex {
  readonly name: string;
  readonly table: string;
  /** The statement that makes it anew. */
  readonly remake: string;
}

/**
 * Every index that the migrations make, read from their files, so that there is no second list to maintain. If two files make
 * an index of the same name, the later one counts.
 */
export function migratedIndexes(): MigratedIndex[] {
  const statements = readMigrations(defaultFolder).flatMap(({ up }) => up.statements);
  const made = statements.flatMap(({ text }) => indexOf(text) ?? primaryKeyOf(text) ?? []);
  return [...new Map(made.map((index) => [index.name, index])).values()];
}

function indexOf(text: string): MigratedIndex | undefined {
  const match = /^CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?(\w+) ON (\w+)/.exec(text);
  const [, name, table] = match ?? [];
  if (name === undefined || table === undefined) return undefined;
  // A migration that makes the table needs no CONCURRENTLY. On a table in use the index has to be remade with it.
  const remake = text.replace(/^(CREATE (?:UNIQUE )?INDEX) (?!CONCURRENTLY)/, '$1 CONCURRENTLY ');
  return { name, table, remake: remake.replace(/\s+/g, ' ') };
}

function primaryKeyOf(text: string): MigratedIndex | undefined {
  const changed = /^ALTER TABLE (\w+) ADD PRIMARY KEY \(([^)]*)\)$/.exec(text);
  const table = changed?.[1] ?? /^CREATE TABLE (\w+)/.exec(text)?.[1];
  const columns =
    changed?.slice(1) ?? /^\s*(?:PRIMARY KEY \(([^)]*)\)|(\w+)\s[^\n]*\bPRIMARY KEY\b)/m.exec(text);
  const key = columns?.[1] ?? columns?.[2];
  if (table === undefined || key === undefined) return undefined;
  return { name: `${table}_pkey`, table, remake: `ALTER TABLE ${table} ADD PRIMARY KEY (${key})` };
}
