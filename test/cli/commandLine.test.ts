import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEmptyDatabase, createTestDatabase } from '../support/database.ts';
import { pincexCli } from '../support/commandLine.ts';
import { cleanEnvironment, startPincex, type Ended } from '../support/processes.ts';
import { openBooks } from '../support/books.ts';
import { temporaryFolder } from '../support/folders.ts';

/** The output and the exit codes of `pincex`, run in this process, or as a user starts it where the process matters. */

describe('pincex as a process', () => {
  const unreachable = { DATABASE_URL: 'postgres://127.0.0.1:1/none' };

  it('pincex prints on standard output and exits with 0', async () => {
    const run = await startPincex(['--version']).ended;
    expect(run).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
      stderr: '',
    });
  });

  it('pincex ends when its work is done, although its idle connections would stay for an hour', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const env = { DATABASE_URL: database.url, PINCEX_DATABASE_POOL_IDLE_TIMEOUT: '1h' };
    for (const args of [['audit'], ['currencies'], ['sweep'], ['doctor'], ['top']]) {
      expect(await startPincex(args, { env }).ended).toMatchObject({ exitCode: 0, stderr: '' });
    }
  });

  it('pincex names an unknown command on standard error and exits with 1', async () => {
    const run = await startPincex(['frobnicate'], { env: unreachable }).ended;
    expect(run).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining("unknown command 'frobnicate'") as string,
    });
  });

  it('pincex prints the error of a failed command on standard error and exits with 1', async () => {
    const run = await startPincex(['audit'], { env: unreachable }).ended;
    expect(run).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringMatching(/^pincex: .*\(database_unavailable\)\n$/) as string,
    });
  });
});

describe('pincex whose reader closes the pipe early', () => {
  /** Runs `pincex … | head -n 1` in a shell: the first line, the errors, and the exit code of pincex itself. */
  async function readOnce(url: string, words: string, redirected = ''): Promise<Ended> {
    const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
    // With `| true` in `redirected`, the reader closes the pipe before anything is printed.
    const script = `set -o pipefail; "$0" "${main}" ${words} ${redirected} | head -n 1; exit $?`;
    const child = spawn('bash', ['-c', script, process.execPath], {
      env: { ...cleanEnvironment(), NODE_OPTIONS: '', DATABASE_URL: url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { exitCode, ...said };
  }

  it.each([
    'currencies',
    'markets',
    'keys list',
    'audit',
    'audit --json',
    'doctor',
    'top',
    'migrate status',
    'sweep',
  ])('pincex %s exits with 0 and without an error when its reader closes the pipe early', async (words) => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const first = await readOnce(database.url, words);
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toMatch(/^[^\n]+\n$/);
    // Here nothing is read, neither the output nor the errors.
    const silent = await readOnce(database.url, words, '2>&1 | true');
    expect(silent).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('pincex does its work although its reader has closed the pipe', async () => {
    const database = await createEmptyDatabase();
    onTestFinished(() => database.drop());
    const up = await readOnce(database.url, 'migrate up', '| true');
    expect(up).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    const status = await pincexCli(['migrate', 'status'], { env: { DATABASE_URL: database.url } });
    expect(status.stdout).not.toContain('pending');
  });

  it('pincex exits with 1 when its work fails and its reader has closed the pipe', async () => {
    expect(await readOnce('postgres://127.0.0.1:1/none', 'currencies', '2>&1 | true')).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: '',
    });
  });
});

describe('pincex on a database', () => {
  async function emptyDatabase() {
    const database = await createEmptyDatabase();
    onTestFinished(() => database.drop());
    const run = (...args: string[]): Promise<Ended> =>
      pincexCli(args, { env: { DATABASE_URL: database.url } });
    return { run, url: database.url, name: new URL(database.url).pathname.slice(1) };
  }

  it('pincex on an empty database names the command that creates the books', async () => {
    const { run } = await emptyDatabase();
    const audit = await run('audit');
    expect(audit.exitCode).toBe(1);
    expect(audit.stderr).toContain('run "pincex migrate up"');
    expect(audit.stderr).toContain('(migration_failed)');
    const status = await run('migrate', 'status');
    expect(status.exitCode).toBe(0);
    expect(status.stdout).toMatch(/batch_operations_indexes +pending/);
  });

  it('pincex migrate up creates books that pass the audit, and has nothing to do the second time', async () => {
    const { run } = await emptyDatabase();
    const up = await run('migrate', 'up');
    expect(up.exitCode).toBe(0);
    expect(up.stdout).toMatch(/^\d+ applied$/m);
    expect(await run('migrate', 'up')).toMatchObject({ exitCode: 0, stdout: 'nothing to do\n' });
    expect((await run('migrate', 'status')).stdout).not.toContain('pending');
    expect((await run('currencies')).stdout).toMatch(/^USD +2$/m);
    const audit = await run('audit');
    expect(audit.exitCode).toBe(0);
    expect(audit.stdout).toContain('0 accounts, 0 journal entries, 0 open holds');
    expect((await run('sweep')).stdout).toBe('0 orders expired, 0 holds returned\n');
  });

  it('pincex migrate down drops data only if the name of the database is given, and migrate up works again after it', async () => {
    const { run, name } = await emptyDatabase();
    expect((await run('migrate', 'up')).exitCode).toBe(0);
    const refused = await run('migrate', 'down', '--steps', '100');
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      new RegExp(
        `^pincex: Nothing was taken back: .*currencies.*--drop-data ${name} \\(migration_failed\\)\n$`,
      ),
    );
    expect((await run('audit')).exitCode).toBe(0);
    const down = await run('migrate', 'down', '--steps', '100', '--drop-data', name);
    expect(down).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await run('currencies')).stderr).toContain('(migration_failed)');
    expect((await run('migrate', 'up')).exitCode).toBe(0);
    expect((await run('audit')).exitCode).toBe(0);
  });

  it('pincex sweep returns an expired hold', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const pincex = await openBooks(database.url);
    onTestFinished(() => pincex.close());
    const own = { userId: 'ann', currency: 'USD', amount: '5' };
    await pincex.bookkeeper.deposit({ id: 'd', ...own });
    await pincex.bookkeeper.lockFunds({ id: 'l', ...own, orderId: 'o', expiresAt: '2020-01-01T00:00:00Z' });
    const run = await pincexCli(['sweep'], { env: { DATABASE_URL: database.url } });
    expect(run).toMatchObject({ exitCode: 0, stdout: '0 orders expired, 1 holds returned\n', stderr: '' });
    expect((await pincex.bookkeeper.getAccount('ann', 'USD'))!.available).toBe('5');
  });
});

describe('pincex with its arguments and its configuration', () => {
  it.each([
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['audit', '--yaml'], "unknown option '--yaml'"],
    [['migrate', 'sideways'], 'sideways'],
    [['migrate', 'down', '--steps', 'all'], 'whole number from 1 to 1000'],
    [['migrate', 'down', '--steps', '0'], 'whole number from 1 to 1000'],
    [['currencies', 'add', 'ABC'], 'scale'],
  ])('pincex refuses the arguments %j with a message and without a stack trace', async (args, says) => {
    const run = await pincexCli(args, { env: { DATABASE_URL: 'postgres://127.0.0.1:1/none' } });
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain(says);
    expect(run.stderr).not.toContain('    at ');
    expect(run.stdout).toBe('');
  });

  it('pincex --help lists the commands, and --version prints the version', async () => {
    const help = await pincexCli(['--help']);
    expect(help.exitCode).toBe(0);
    for (const command of ['migrate', 'currencies', 'markets', 'audit', 'sweep']) {
      expect(help.stdout).toContain(command);
    }
    expect((await pincexCli(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('pincex names the wrong key of its configuration', async () => {
    const cwd = temporaryFolder('cli');
    writeFileSync(path.join(cwd, 'pincex.yaml'), 'database:\n  pool:\n    max: many\n');
    const run = await pincexCli(['audit'], { cwd });
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('database.pool.max');
    expect(run.stderr).toContain('(invalid_configuration)');
    expect(run.stderr).not.toContain('    at ');
  });

  it.each(['audit', 'sweep', 'currencies', 'migrate status', 'migrate up'])(
    'pincex %s says in one line, without the password, that the database is unreachable',
    async (words) => {
      const run = await pincexCli(words.split(' '), {
        env: { DATABASE_URL: 'postgres://someone:secret@127.0.0.1:1/none' },
      });
      expect(run.exitCode).toBe(1);
      expect(run.stderr).toMatch(/^pincex: .*\(database_unavailable\)\n$/);
      expect(run.stderr).not.toContain('secret');
    },
  );

  it('pincex starts a server of its own in PINCEX_DATA_DIR where none is configured, and keeps its data there', async () => {
    const folder = temporaryFolder('cli');
    const env = { PINCEX_DATA_DIR: path.join(folder, 'data') };
    const add = await pincexCli(['currencies', 'add', 'OWN', '5'], { env, cwd: folder });
    expect(add).toMatchObject({ exitCode: 0, stdout: 'OWN has 5 decimals\n' });
    expect(existsSync(path.join(folder, 'data'))).toBe(true);
    const list = await pincexCli(['currencies'], { env, cwd: folder });
    expect(list.stdout).toMatch(/^OWN +5$/m);
    expect((await pincexCli(['audit', '--json'], { env, cwd: folder })).exitCode).toBe(0);
  });
});
