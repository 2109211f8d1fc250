import pg from 'pg';
import { PincexError } from '../errors.ts';
import { executeFile } from './execute.ts';
import { defaultFolder, type Migration, type MigrationFile, readMigrations } from './files.ts';
import { refuseHalves, refuseLiveProcesses, refuseLosses } from './guard.ts';
import { type AppliedMigration, ensureHistory, forget, readHistory, remember } from './history.ts';
import { withMigrationLock } from './lock.ts';
import { type MigrationState, statesOf } from './states.ts';

/** The connection that migrates. It must be one session throughout: one through a pooler is refused. */
export type MigrationDatabase = pg.Pool | pg.ClientBase;

export interface MigrationOptions {
  /** The folder of the SQL files. Default: the migrations of Pincex. */
  readonly folder?: string;
  /** Told the name of each file before it runs. */
  readonly onProgress?: (file: string) => void;
}

export interface UpOptions extends MigrationOptions {
  /** The last version to apply. Default: all there are. */
  readonly to?: number;
}

export interface DownOptions extends MigrationOptions {
  /** How many migrations to take back, the latest first. Default: 1. */
  readonly steps?: number;
  /** In place of `steps`: the version that remains the latest; 0 takes back all. */
  readonly to?: number;
  /** The name of the database, where what its tables and columns hold may be dropped. Default: that is refused. */
  readonly dropData?: string;
}

/**
 * Applies what is pending, in the order of the versions. Two processes may do so at once: one works,
 * the other waits and finds nothing left. Nothing but indexes is applied while processes use the database.
 *
 * @returns the migrations that were applied here.
 * @throws PincexError `migration_failed`; what was applied before it stays applied.
 */
export async function migrateUp(database: MigrationDatabase, options: UpOptions = {}): Promise<Migration[]> {
  const migrations = readMigrations(options.folder ?? defaultFolder);
  const last = options.to ?? Infinity;
  return locked(database, async (client) => {
    await requireUtf8(client);
    await ensureHistory(client);
    const history = await checkedHistory(client, migrations);
    const pending = migrations.filter(({ version }) => !history.has(version) && version <= last);
    // Indexes that are built outside of a transaction are, while others write; whatever else may change what is written.
    if (pending.some(({ up }) => up.inTransaction)) await refuseLiveProcesses(client, 'Nothing was applied');
    for (const migration of pending) {
      options.onProgress?.(migration.up.name);
      await executeFile(client, migration.up, () => remember(client, migration));
    }
    return pending;
  });
}

/**
 * Takes migrations back, the latest first. Nothing is taken back while processes use the database, nor where data would
 * be dropped, unless the database is named, nor where one of several cannot be.
 *
 * @returns the migrations that were taken back.
 * @throws PincexError `migration_failed`; where a statement failed all the same, what was taken back before it stays so.
 */
export async function migrateDown(
  database: MigrationDatabase,
  options: DownOptions = {},
): Promise<Migration[]> {
  const migrations = readMigrations(options.folder ?? defaultFolder);
  return locked(database, async (client) => {
    const history = await checkedHistory(client, migrations);
    const applied = migrations.filter(({ version }) => history.has(version)).reverse();
    const { to, steps = 1 } = options;
    const chosen = to === undefined ? applied.slice(0, steps) : applied.filter(({ version }) => version > to);
    const downs = chosen.map((migration) => ({ migration, file: wayBack(migration) }));
    const files = downs.map(({ file }) => file);
    if (chosen.length > 0) await refuseLiveProcesses(client, 'Nothing was taken back');
    await refuseLosses(client, files, options.dropData);
    await refuseHalves(client, files);
    for (const { migration, file } of downs) {
      options.onProgress?.(file.name);
      await executeFile(client, file, () => forget(client, migration));
    }
    return chosen;
  });
}

function wayBack({ up, down }: Migration): MigrationFile {
  if (down) return down;
  throw new PincexError('migration_failed', `${up.name} has no way back: there is no down file.`);
}

/** Tells where this database stands with each migration; changes nothing. */
export async function migrationStatus(
  database: MigrationDatabase,
  options: MigrationOptions = {},
): Promise<MigrationState[]> {
  const migrations = readMigrations(options.folder ?? defaultFolder);
  return withClient(database, async (client) => {
    const history = await readHistory(client);
    return statesOf(migrations, history);
  });
}

/** An id may have any character, and only UTF-8 has them all. */
async function requireUtf8(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ server_encoding: string }>('SHOW server_encoding');
  const encoding = rows[0]?.server_encoding;
  if (encoding === 'UTF8') return;
  throw new PincexError(
    'migration_failed',
    `The encoding of this database is ${encoding}, in which not every id can be written. Create one with ENCODING 'UTF8' TEMPLATE template0.`,
  );
}

/** The history, where it fits the files. */
async function checkedHistory(
  client: pg.ClientBase,
  migrations: readonly Migration[],
): Promise<Map<number, AppliedMigration>> {
  const history = await readHistory(client);
  const files = new Map(migrations.map((migration) => [migration.version, migration]));
  for (const { version, name, checksum } of history.values()) {
    const migration = files.get(version);
    if (!migration) {
      throw new PincexError(
        'migration_failed',
        `The database has migration ${version} (${name}), which this version of Pincex does not know. Use a newer one.`,
      );
    }
    if (migration.checksum !== checksum) {
      throw new PincexError(
        'migration_failed',
        `${migration.up.name} was changed after it was applied. Put it back and write a new migration.`,
      );
    }
  }
  return history;
}

function locked<T>(database: MigrationDatabase, work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  return withClient(database, (client) => withMigrationLock(client, () => work(client)));
}

async function withClient<T>(
  database: MigrationDatabase,
  work: (client: pg.ClientBase) => Promise<T>,
): Promise<T> {
  if (!(database instanceof pg.Pool)) return work(database);
  const client = await database.connect();
  try {
    return await work(client);
  } finally {
    client.release();
  }
}
