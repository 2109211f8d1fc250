import type { Command } from 'commander';
import { NAMED_FINDINGS, type AuditReport } from '../audit/audit.ts';
import { JSON_OPTION, type JsonOption } from './options.ts';
import { print, printJson, withPincex } from './session.ts';

export function addAudit(program: Command): void {
  program
    .command('audit')
    .description('prove the books from the tables alone; exits 1 and lists the rows at fault')
    .option(...JSON_OPTION)
    .action(({ json = false }: JsonOption) =>
      withPincex(async (pincex) => {
        const report = await pincex.audit();
        if (json) printJson(report);
        else printAudit(report);
        if (!report.ok) process.exitCode = 1;
      }),
    );
}

export function printAudit(report: AuditReport): void {
  for (const { name, promise, findings } of report.checks) {
    print(
      `${findings === 0 ? 'ok    ' : 'BROKEN'}  ${promise}${findings === 0 ? '' : `: not in ${findings} rows`}`,
    );
    const named = report.findings.filter((finding) => finding.check === name);
    for (const { subject, problem } of named) print(`          ${subject} ${problem}`);
    if (findings > named.length) print(`          … the first ${NAMED_FINDINGS} of ${findings}`);
  }
  const { accounts, journalEntries, openHolds, durationMs } = report;
  const seconds = (durationMs / 1_000).toFixed(1);
  print(`${accounts} accounts, ${journalEntries} journal entries, ${openHolds} open holds in ${seconds} s`);
}
