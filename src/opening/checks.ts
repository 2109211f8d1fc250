import { audit, type AuditReport } from '../audit/audit.ts';
import { messageOf } from '../describe.ts';
import { diagnose, doctorOptions } from '../doctor/doctor.ts';
import type { DoctorReport } from '../doctor/report.ts';
import { ping, type AppliedRow } from '../migrations/history.ts';
import { requireSchema } from '../migrations/states.ts';
import { raiseWarning } from '../warnings.ts';
import type { Parts } from './parts.ts';

/**
 * Audits the books and stores the outcome, from which every process raises or resolves the alert. The report does not depend on
 * that: a role that may only read, for example, cannot store it.
 */
export async function auditBooks({ database, migrations, alerts }: Parts): Promise<AuditReport> {
  const report = await audit(database, migrations);
  await alerts.noteAudit(report).catch((error: unknown) => {
    const message = `The outcome of the audit was not stored, so no alert follows from it: ${messageOf(error)}`;
    raiseWarning('PINCEX_AUDIT_NOT_STORED', message);
  });
  return report;
}

/** The doctor reads the counters of all processes from the database, so those of this process are written first. */
export async function examine({ reporter, config, connectionString }: Parts): Promise<DoctorReport> {
  await reporter.report();
  return diagnose(doctorOptions(config, connectionString));
}

/** Checks that a server takes writes and that its schema is that of this version. */
export async function reach({ database, migrations, session }: Parts): Promise<void> {
  await database.ping();
  await requireSchema(migrations, () => session.query<AppliedRow>(ping));
}
