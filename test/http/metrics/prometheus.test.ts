import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { newUser, useBooks } from '../../support/books.ts';
import { temporaryFolder } from '../../support/folders.ts';
import { hasPrometheus, lintMetrics, promtool, TestPrometheus } from '../../support/prometheus.ts';
import { until } from '../../support/waiting.ts';
import { makeKey, serve, useService } from '../support.ts';

/** What the package has for Prometheus and Grafana, against the metrics of a running service and its documentation. */

const books = useBooks();
const service = useService(books, { host: '0.0.0.0' });

const file = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const read = (name: string) => readFileSync(file(name), 'utf8');

const rules = file('monitoring/prometheus/alerts.yml');
const { groups } = parse(read('monitoring/prometheus/alerts.yml')) as {
  groups: { rules: { alert: string; expr: string }[] }[];
};
const alerts = groups.flatMap((group) => group.rules);

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}
const { panels } = JSON.parse(read('monitoring/grafana/pincex.json')) as { panels: readonly Panel[] };
const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** The section of docs/monitoring.md for Prometheus. */
const docs = read('docs/monitoring.md').split('\n## Metrics for Prometheus\n')[1]!.split('\n## ')[0]!;
/** The first cells of the rows of its tables. */
const documented = [...docs.matchAll(/^\| `(\w+)/gm)].map(([, name]) => name!);

async function scrape(): Promise<string> {
  const authorization = `Bearer ${service.key}`;
  return (await fetch(`${service.url}/metrics`, { headers: { authorization } })).text();
}

/** The names of metrics, without those of Node.js. */
async function names(): Promise<string[]> {
  return [...(await scrape()).matchAll(/^# TYPE (pincex_\w+) /gm)].map(([, name]) => name!);
}

/** The metrics that an expression names. */
const namedIn = (expression: string): string[] =>
  [...expression.matchAll(/\b((?:pincex|nodejs|process)_\w+)/g)].map(([, name]) =>
    name!.replace(/_(bucket|sum|count)$/, ''),
  );

describe('the names of metrics', () => {
  it('docs/monitoring.md has each metric of the service, and no other', async () => {
    const metrics = documented.filter((name) => name.startsWith('pincex_'));
    expect(metrics.toSorted()).toEqual((await names()).toSorted());
  });

  it('the alert rules and the dashboard name metrics that the service has', async () => {
    const text = await scrape();
    const known = new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name));
    const named = [...alerts.map(({ expr }) => expr), ...expressions].flatMap(namedIn);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('the dashboard shows each metric of the service', async () => {
    const shown = new Set(expressions.flatMap(namedIn));
    expect((await names()).filter((name) => !shown.has(name))).toEqual([]);
  });

  it('docs/monitoring.md says about each alert what to do, and has no other', () => {
    const names = documented.filter((name) => name.startsWith('Pincex'));
    expect(names).toEqual(alerts.map(({ alert }) => alert));
  });
});

describe.skipIf(!hasPrometheus)('Prometheus', () => {
  it('promtool finds nothing in the metrics of the service, whatever it finds in those of Node.js', async () => {
    await newUser(service.pincex, { USD: '5' });
    const found = await lintMetrics(await scrape());
    expect(found.filter((line) => line.startsWith('pincex_'))).toEqual([]);
  });

  it('promtool finds nothing in the alert rules, and their tests pass', async () => {
    expect(await promtool('check', 'rules', rules)).toContain('SUCCESS');
    expect(await promtool('test', 'rules', file('monitoring/prometheus/alerts.test.yml'))).toContain(
      'SUCCESS',
    );
  });

  it('the tests of the alert rules have each alert firing and not firing', () => {
    interface Case {
      readonly alertname: string;
      readonly exp_alerts?: readonly unknown[];
    }
    const { tests } = parse(read('monitoring/prometheus/alerts.test.yml')) as {
      tests: { alert_rule_test: readonly Case[] }[];
    };
    const cases = tests.flatMap((one) => one.alert_rule_test);
    const tried = (isFiring: boolean) =>
      new Set(cases.filter((one) => (one.exp_alerts !== undefined) === isFiring).map((one) => one.alertname));
    const all = new Set(alerts.map(({ alert }) => alert));
    expect(tried(true)).toEqual(all);
    expect(tried(false)).toEqual(all);
  });

  it('Prometheus scrapes a service with a key, as the configuration of the package says, and knows its counts', async () => {
    const scraped = await serve(books, { host: '0.0.0.0' });
    const { pincex } = scraped;
    const folder = temporaryFolder('scraping');
    const keyFile = path.join(folder, 'key');
    writeFileSync(keyFile, await makeKey(pincex, 'metrics'));
    const config = parse(read('monitoring/prometheus/prometheus.yml')) as {
      scrape_configs: [{ authorization: { credentials_file: string } }];
    };
    const [job] = config.scrape_configs;
    const target = new URL(scraped.url).host.replace('0.0.0.0', '127.0.0.1');
    const prometheus = await TestPrometheus.start({
      global: { scrape_interval: '500ms', evaluation_interval: '500ms' },
      rule_files: [rules],
      scrape_configs: [
        {
          ...job,
          authorization: { credentials_file: keyFile },
          static_configs: [{ targets: [target] }],
        },
      ],
    });
    onTestFinished(() => prometheus.stop());

    await until('the first scrape', async () => (await prometheus.query('up{job="pincex"}'))[0] === 1);
    const userId = await newUser(pincex, { USD: '5', BTC: '1' });
    const lock = { id: 'l', userId, currency: 'USD', amount: '9', orderId: 'o' };
    await pincex.bookkeeper.batchLockFunds([lock]);
    const rejected = 'pincex_rejected_items_total{operation="batch_lock_funds",code="insufficient_funds"}';
    await until('the rejected item', async () => (await prometheus.query(rejected))[0] === 1);

    const deposits = '{job="pincex",operation="batch_deposit"}';
    const applied = `pincex_items_total{operation="batch_deposit",outcome="applied"}`;
    expect(await prometheus.query(applied)).toEqual([2]);
    expect(await prometheus.query(`pincex_operation_items_sum${deposits}`)).toEqual([2]);
    expect(await prometheus.query(`pincex_operation_duration_seconds_count${deposits}`)).toEqual([1]);
    const types = await prometheus.ask<Record<string, [{ type: string; help: string }]>>('metadata');
    expect(types['pincex_operation_duration_seconds']).toMatchObject([{ type: 'histogram' }]);

    const { activeTargets } = await prometheus.ask<{ activeTargets: { lastError: string }[] }>('targets');
    expect(activeTargets).toMatchObject([{ lastError: '', health: 'up' }]);
    for (const expression of expressions)
      await prometheus.query(
        expression
          .replaceAll('$job', 'pincex')
          .replaceAll('$instance', '.*')
          .replaceAll('$__rate_interval', '1m'),
      );
    interface Groups {
      readonly groups: { readonly rules: { readonly health: string; readonly state: string }[] }[];
    }
    const states = async () => (await prometheus.ask<Groups>('rules')).groups.flatMap((one) => one.rules);
    await until('all rules to be evaluated', async () =>
      (await states()).every(({ health }) => health !== 'unknown'),
    );
    expect(new Set((await states()).map(({ health }) => health))).toEqual(new Set(['ok']));
  });
});
