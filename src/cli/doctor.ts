import type { Command } from 'commander';
import { withClient } from '../database/client.ts';
import { checks, diagnose, doctorOptions } from '../doctor/doctor.ts';
import type { DoctorReport } from '../doctor/report.ts';
import { migrateUp } from '../migrations/runner.ts';
import { JSON_OPTION, type JsonOption } from './options.ts';
import { print, printJson, withServer } from './session.ts';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description(
      'find problems of the database and its users, with their remedies; exits 1 if something hurts',
    )
    .option(...JSON_OPTION)
    .action(({ json = false }: JsonOption) =>
      withServer(async ({ url, isEmbedded, config }) => {
        // Migrates the embedded server, as every command that opens the books does. A server of the operator's own is only
        // examined.
        if (isEmbedded) await withClient(url, (client) => migrateUp(client));
        const report = await diagnose(doctorOptions(config, url));
        if (json) printJson(report);
        else printDoctor(report);
        if (!report.ok) process.exitCode = 1;
      }),
    );
}

function printDoctor(report: DoctorReport): void {
  for (const { name, promise } of checks.filter((check) => report.checks.includes(check.name))) {
    const found = report.findings.filter((finding) => finding.check === name);
    if (found.length === 0) print(`ok      ${promise}`);
    for (const { severity, subject, message, remedy } of found) {
      print(`${severity === 'hurts' ? 'HURTS ' : 'advice'}  ${subject} ${message}`);
      print(`          ${remedy}`);
    }
  }
  const hurting = report.findings.filter(({ severity }) => severity === 'hurts').length;
  const notMade = checks.length - report.checks.length;
  const left = notMade === 0 ? '' : `; ${notMade} checks wait for the schema`;
  print(`hurts: ${hurting}, advice: ${report.findings.length - hurting}${left}`);
}
