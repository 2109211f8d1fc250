import type { Command } from 'commander';
import type { Alert } from '../alert.ts';
import { JSON_OPTION, type JsonOption, someText } from './options.ts';
import { print, printJson, printTable, withPincex } from './session.ts';

export function addAlerts(program: Command): void {
  const alerts = program
    .command('alerts')
    .description('list or acknowledge the alerts that a running service raises');
  alerts
    .command('list', { isDefault: true })
    .description('list those that fire, then the pending and the resolved ones, each the newest first')
    .option(...JSON_OPTION)
    .action(({ json = false }: JsonOption) =>
      withPincex(async (pincex) => {
        const list = await pincex.alerts.list();
        if (json) printJson(list);
        else printAlerts(list);
      }),
    );
  alerts
    .command('ack')
    .description('note who has seen an alert that fires or was resolved; the first one stays')
    .argument('<id>', 'its id, as pincex alerts shows it')
    .requiredOption('--by <name>', 'the name of the person', someText('--by'))
    .option(...JSON_OPTION)
    .action((id: string, { by, json = false }: JsonOption & { readonly by: string }) =>
      withPincex(async (pincex) => {
        const alert = await pincex.alerts.acknowledge(id, { by });
        if (json) printJson(alert);
        else print(`${id} (${alert.rule}) is acknowledged ${acknowledgementOf(alert)}`);
      }),
    );
}

function printAlerts(alerts: readonly Alert[]): void {
  printTable(
    ['id', 'state', 'severity', 'rule', 'since', 'acknowledged', 'message'],
    alerts.map((alert) => [
      alert.id,
      alert.state,
      alert.severity,
      alert.subject === '' ? alert.rule : `${alert.rule} ${alert.subject}`,
      alert.resolvedAt ?? alert.firedAt ?? alert.pendingAt,
      alert.acknowledgedAt === null ? 'no' : acknowledgementOf(alert),
      alert.message,
    ]),
  );
}

const acknowledgementOf = ({ acknowledgedAt, acknowledgedBy }: Alert): string =>
  `by ${acknowledgedBy ?? ''} since ${acknowledgedAt ?? ''}`;
