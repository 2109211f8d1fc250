import { migrationStatus, type MigrationState } from '../migrations/runner.ts';
import type { Check, Finding } from './check.ts';

export const migrated: Check = {
  name: 'migrations',
  promise: 'The schema is that of this version',
  needsNoTables: true,
  async run({ client }) {
    return schemaFindings(await migrationStatus(client));
  },
};

export function schemaFindings(states: readonly MigrationState[]): Finding[] {
  return states.flatMap(({ version, name, state }): Finding[] => {
    if (state === 'applied') return [];
    return [{ severity: 'hurts', subject: `migration ${version} (${name})`, ...EXPLAINED[state] }];
  });
}

const EXPLAINED = {
  pending: {
    message: 'is not applied in this database, and Pincex refuses to open it',
    remedy: 'Run "pincex migrate up"',
  },
  changed: {
    message: 'was changed after it was applied, so nobody knows what the tables are like',
    remedy: 'Put its file back as it was, and write a new migration for the change',
  },
  unknown: {
    message: 'is applied, but this version does not know it',
    remedy: 'Use the newer version of Pincex that applied it',
  },
};
