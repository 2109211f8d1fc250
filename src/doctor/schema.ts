import { migrationStatus } from '../migrations/runner.ts';
import { REMEDIES, type MigrationState } from '../migrations/states.ts';
import type { Check } from './check.ts';
import type { Finding } from './report.ts';

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
    return [
      {
        severity: 'hurts',
        subject: `migration ${version} (${name})`,
        message: MESSAGES[state],
        remedy: REMEDIES[state],
      },
    ];
  });
}

const MESSAGES = {
  pending: 'is not applied in this database, and Pincex refuses to open it',
  changed: 'was changed after it was applied, so the tables may differ from what this version expects',
  unknown: 'is applied, but this version does not know it',
};
