import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { checks } from '../../src/doctor/doctor.ts';
import { loadConfig, Pincex, type DoctorReport } from '../../src/index.ts';
import { createEmptyDatabase } from '../support/database.ts';
import { pincexCli } from '../support/commandLine.ts';
import { newDataDir } from '../support/folders.ts';
import { opened, patient, usePatient } from '../doctor/support.ts';

const doctor = (url: string, ...args: string[]) =>
  pincexCli(['doctor', ...args], { env: { DATABASE_URL: url } });

describe('pincex doctor', () => {
  it('pincex doctor prints ok for each check of a healthy system, and exits with 0', async () => {
    const { url } = await patient();
    const run = await doctor(url);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    const lines = run.stdout.trimEnd().split('\n');
    expect(lines).toEqual([...checks.map(({ promise }) => `ok      ${promise}`), 'hurts: 0, advice: 0']);
  });

  describe('with a finding that hurts', () => {
    const patient = usePatient();
    beforeAll(async () => {
      await patient.client.query('DROP INDEX trades_order; CREATE INDEX mine ON journal (user_id)');
    });

    it('pincex doctor prints what hurts and the remedy, and exits with 1', async () => {
      const run = await doctor(patient.url);
      expect(run).toMatchObject({ exitCode: 1, stderr: '' });
      expect(run.stdout).toContain('HURTS   index trades_order is not there');
      expect(run.stdout).toContain(
        `\n          In psql: CREATE INDEX CONCURRENTLY IF NOT EXISTS trades_order ON trades (order_id, user_id) WHERE order_id > '';\n`,
      );
      expect(run.stdout).toContain('advice  index mine repeats the beginning of journal_pkey');
      expect(run.stdout).toContain('\nhurts: 1, advice: 1\n');
    });

    it('pincex doctor --json prints the findings as one object on the last line', async () => {
      const run = await doctor(patient.url, '--json');
      expect(run).toMatchObject({ exitCode: 1, stderr: '' });
      const report = JSON.parse(run.stdout.trimEnd().split('\n').at(-1)!) as DoctorReport;
      expect(report.ok).toBe(false);
      expect(report.checks).toEqual(checks.map(({ name }) => name));
      expect(report.findings).toHaveLength(2);
      for (const finding of report.findings) {
        expect(Object.keys(finding)).toEqual(['check', 'severity', 'subject', 'message', 'remedy']);
      }
    });

    it('pincex doctor exits with 0 once only advice is left', async () => {
      await patient.client.query('CREATE INDEX trades_order ON trades (order_id)');
      expect((await doctor(patient.url, '--json')).exitCode).toBe(0);
    });
  });

  it('pincex doctor reads the counters of services, and does not register itself as a process', async () => {
    const { url, client } = await patient();
    const pincex = await opened(url);
    // A copied row stands for another service: the row of this one is overwritten by its own reports.
    await client.query(
      `INSERT INTO processes
     SELECT gen_random_uuid(), started_at, seen_at, deadlocks_at_start, jsonb_set(statistics, '{pool,refused}', '3')
     FROM processes`,
    );
    const run = await doctor(url);
    expect(run.stdout).toContain('failed with pool_exhausted: 3');
    expect(run.exitCode).toBe(1);
    expect((await client.query('SELECT FROM processes')).rowCount).toBe(2);
    expect((await pincex.doctor()).findings).toMatchObject([{ check: 'pool' }]);
  });

  it('pincex doctor counts the checks that wait when the schema is behind', async () => {
    const database = await createEmptyDatabase();
    onTestFinished(() => database.drop());
    const run = await doctor(database.url);
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toMatch(
      /HURTS {3}migration 1 \(reference_data\) is not applied[^]*; \d+ checks wait for the schema\n$/,
    );
  });

  it('pincex doctor checks a new server of its own where none is configured', async () => {
    const run = await pincexCli(['doctor', '--json'], { env: { PINCEX_DATA_DIR: newDataDir() } });
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect((JSON.parse(run.stdout) as DoctorReport).findings).toEqual([]);
  });

  it('the doctor checks the server that reads go to, from the shell and from the library', async () => {
    const [{ url }, other] = [await patient(), await patient()];
    const env = { DATABASE_URL: url, PINCEX_DATABASE_READ_URL: other.url };
    const run = await pincexCli(['doctor'], { env });
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toContain(
      'HURTS   database.read_url is another database and no replica of database.url',
    );
    const pincex = await Pincex.open({ config: loadConfig({ env }) });
    onTestFinished(() => pincex.close());
    expect((await pincex.doctor()).findings).toMatchObject([
      { subject: 'database.read_url', severity: 'hurts' },
    ]);
  });
});
