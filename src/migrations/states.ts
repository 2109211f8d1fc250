import { lacksTable } from '../database/failures.ts';
import { PincexError } from '../errors.ts';
import type { Migration } from './files.ts';
import { toHistory, type AppliedMigration, type AppliedRow } from './history.ts';

/** A migration and its state in this database. */
export interface MigrationState {
  readonly version: number;
  readonly name: string;
  /** `changed`: its file differs from the applied one; `unknown`: applied, but without a file in this version. */
  readonly state: 'applied' | 'pending' | 'changed' | 'unknown';
  readonly appliedAt: Date | null;
}

/** The advice for a migration that is not in order. */
export const REMEDIES: Readonly<Record<Exclude<MigrationState['state'], 'applied'>, string>> = {
  pending: 'Run "pincex migrate up"',
  changed: 'Put its file back as it was, and write a new migration for the change',
  unknown: 'Use the newer version of Pincex that applied it',
};

/** All migrations of this version and of the database, by their versions. */
export function statesOf(
  migrations: readonly Migration[],
  history: ReadonlyMap<number, AppliedMigration>,
): MigrationState[] {
  const here = new Set(migrations.map(({ version }) => version));
  const unknown = [...history.values()].filter(({ version }) => !here.has(version));
  return [
    ...migrations.map((migration) => stateOf(migration, history.get(migration.version))),
    ...unknown.map(({ version, name, appliedAt }) => ({
      version,
      name,
      state: 'unknown' as const,
      appliedAt,
    })),
  ].sort((a, b) => a.version - b.version);
}

function stateOf(
  { version, name, checksum }: Migration,
  applied: AppliedMigration | undefined,
): MigrationState {
  if (!applied) return { version, name, state: 'pending', appliedAt: null };
  const state = applied.checksum === checksum ? 'applied' : 'changed';
  return { version, name, state, appliedAt: applied.appliedAt };
}

/** @throws PincexError `migration_failed` if the schema is not that of this version */
export function requireApplied(states: readonly MigrationState[]): void {
  for (const { version, name, state } of states) {
    if (state === 'applied') continue;
    throw new PincexError(
      'migration_failed',
      `Migration ${version} (${name}) is ${state} in this database: ${decapitalized(REMEDIES[state])}`,
    );
  }
}

/**
 * Reads the applied migrations and compares them with those that this version needs.
 *
 * @param read - runs `ping`
 * @throws PincexError `migration_failed` if the schema is not that of this version
 */
export async function requireSchema(
  migrations: readonly Migration[],
  read: () => Promise<AppliedRow[]>,
): Promise<void> {
  const rows = await read().catch((error: unknown) => {
    if (lacksTable(error)) return [];
    throw error;
  });
  requireApplied(statesOf(migrations, toHistory(rows)));
}

const decapitalized = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1);
