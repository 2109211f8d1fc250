import pg from 'pg';
import { PincexError } from '../errors.ts';
import { executeFile } from './execute.ts';
import { defaultFolder, type Migration, type MigrationFile, readMigrations } from './files.ts';
import { refuseHalves, refuseLiveProcesses, refuseLosses } from './guard.ts';
import { type AppliedMigration, ensureHistory, forget, readHistory, remember } from './history.ts';
import { withMigrationLock } from './lock.ts';
import { type MigrationState, statesOf } from './states.ts';

/** The connection for migrations. It must be one session throughout; a connection through a pooler is refused. */
export type MigrationDatabase = pg.Pool | pg.ClientBase;

export interface MigrationOptions {
  /** The folder of the SQL files. Default: the migrations of Pincex. */
  readonly folder?: string;
  /** Called with the name of each file before it runs. */
  readonly onProgress?: (file: string) => void;
}

export interface UpOptions extends MigrationOptions {
  /** The last version to apply. Default: the newest. */
  readonly to?: number;
}

export interface DownOptions extends MigrationOptions {
  /** The number of migrations to revert, the latest first. Default: 1. */
  readonly steps?: number;
  /** Instead of `steps`: the version that remains the latest; 0 reverts all. */
  readonly to?: number;
  /** The name of the database, to allow that data is dropped. Default: dropping data is refused. */
  readonly dropData?: string;
}

/**
 * Applies the pending migrations in the order of their versions. If two processes do so at the same time, one waits for the
 * other and then finds nothing to apply. While processes use the database, only indexes are applied.
 *
 * @returns the migrations that were applied here.
 * @throws PincexError `migration_failed`; migrations that were applied before the failure stay applied.
 */
export async function migrateUp(database: MigrationDatabase, options: UpOptions = {}): Promise<Migration[]> {
  const migrations = readMigrations(options.folder ?? defaultFolder);
  const last = options.to ?? Infinity;
  return locked(database, async (client) => {
    await requireUtf8(client);
    await ensureHistory(client);
    const history = await checkedHistory(client, migrations);
    const pending = migrations.filter(({ version }) => !history.has(version) && version <= last);
    // Indexes are built outside of a transaction, while others write. Any other file may change the rules for writes.
    if (pending.some(({ up }) => up.inTransaction)) await refuseLiveProcesses(client, 'Nothing was applied');
    for (const migration of pending) {
      options.onProgress?.(migration.up.name);
      await executeFile(client, migration.up, () => remember(client, migration));
    }
    return pending;
  });
}

/**
 * Reverts migrations, the latest first. Nothing is reverted while processes use the database, if data would be dropped and the
 * database is not named, or if one of several migrations cannot be reverted.
 *
 * @returns the migrations that were reverted.
 * @throws PincexError `migration_failed`; if a statement fails nevertheless, migrations that were reverted before it stay so.
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
  throw new PincexError('migration_failed', `${up.name} cannot be reverted: it has no down file.`);
}

/** Returns the state of each migration in this database. Changes nothing. */
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

/** Requires UTF-8, since an id may contain any character. */
async function requireUtf8(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ server_encoding: string }>('SHOW server_encoding');
  const encoding = rows[0]?.server_encoding;
  if (encoding === 'UTF8') return;
  throw new PincexError(
    'migration_failed',
    `The encoding of this database is ${encoding}, in which not every id can be written. Create one with ENCODING 'UTF8' TEMPLATE template0.`,
  );
}

/** The history. Fails if it does not match the files. */
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
