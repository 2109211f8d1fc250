import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newUser, openBooks, useBooks } from '../support/books.ts';
import { createEmptyDatabase } from '../support/database.ts';
import { pincexCli } from '../support/commandLine.ts';
import { cleanEnvironment, startPincex } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { startProxy } from '../support/proxy.ts';
import { until } from '../support/waiting.ts';
import type { Picture } from '../../src/top/picture.ts';

const books = useBooks();

/** Deposits by a process that reports them. */
async function deposited(): Promise<void> {
  const pincex = await openBooks(books.url);
  onTestFinished(() => pincex.close());
  await newUser(pincex, { USD: '1' });
  // The doctor has the process report.
  await pincex.doctor();
}

const isLinux = process.platform === 'linux';
/** The reason why tests in a terminal are skipped, or null. */
const NO_TERMINAL =
  isLinux && findProgram('script') !== null ? null : 'script of util-linux is not installed';

interface Terminal {
  /** All that the program wrote. */
  readonly text: string;
  write(keys: string): void;
  /** Fulfilled by the exit code. */
  readonly ended: Promise<number | null>;
}

/** Starts the built `pincex top` in a terminal of 100 columns and 24 lines. */
async function topInTerminal(url: string): Promise<Terminal> {
  // Builds `dist/` if a source is newer.
  await startPincex(['--version']).ended;
  const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  const command = `stty rows 24 cols 100; exec '${process.execPath}' '${main}' top`;
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    env: { ...cleanEnvironment(), NODE_OPTIONS: '', DATABASE_URL: url },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  return {
    get text() {
      return text;
    },
    write: (keys) => child.stdin.write(keys),
    ended,
  };
}

describe('pincex top', () => {
  it('pincex top without a terminal prints one picture and ends, and is no process of it', async () => {
    await deposited();
    const { ended } = startPincex(['top'], { env: { DATABASE_URL: books.url } });
    const { exitCode, stdout, stderr } = await ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines.find((line) => line.startsWith('batch_deposit '))).toMatch(/100\.0%/);
    const processes = lines.slice(lines.findIndex((line) => line.startsWith('process ')) + 1);
    // The one of all tests, the one of this test, and the line break at the end.
    expect(processes).toHaveLength(3);
  });

  it('pincex top --once prints the picture, and --json the same for machines', async () => {
    await deposited();
    const env = { DATABASE_URL: books.url };
    const once = await pincexCli(['top', '--once'], { env });
    expect(once).toMatchObject({ exitCode: 0, stderr: '' });
    expect(once.stdout).toContain('\nbatch_deposit ');
    const { exitCode, stdout } = await pincexCli(['top', '--json'], { env });
    expect(exitCode).toBe(0);
    const picture = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Picture;
    expect(picture.metrics.byOperation['batch_deposit']).toMatchObject({ operations: 1, applied: 1 });
    expect(Object.keys(picture)).toEqual([
      'at',
      'alerts',
      'metrics',
      'pool',
      'cache',
      'refusals',
      'processes',
      'unreadable',
    ]);
    expect(picture.processes).toContainEqual(expect.objectContaining({ pid: process.pid }));
  });

  it('pincex top refuses a database without the schema of this version', async () => {
    const database = await createEmptyDatabase();
    onTestFinished(() => database.drop());
    const run = await pincexCli(['top', '--once'], { env: { DATABASE_URL: database.url } });
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toContain('(migration_failed)');
  });

  describe.skipIf(NO_TERMINAL !== null)(
    `in a terminal${NO_TERMINAL === null ? '' : ` (${NO_TERMINAL})`}`,
    () => {
      it('pincex top draws new pictures until the user presses q, and restores the terminal', async () => {
        const terminal = await topInTerminal(books.url);
        await until('the first picture', () => terminal.text.includes('all, last minute'));
        expect(terminal.text).not.toContain('batch_withdraw');
        const { bookkeeper } = books.pincex;
        const userId = await newUser(books.pincex, { USD: '1' });
        await bookkeeper.withdraw({ id: 'w', userId, currency: 'USD', amount: '1' });
        await books.pincex.doctor();
        await until('a picture of the new operation', () => terminal.text.includes('batch_withdraw'));
        terminal.write('q');
        expect(await terminal.ended).toBe(0);
        expect(terminal.text.startsWith('\u001b[?1049h\u001b[?25l')).toBe(true);
        expect(terminal.text.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
      });

      it('pincex top keeps the last picture while the database cannot be reached', async () => {
        const proxy = await startProxy(books.url);
        onTestFinished(() => proxy.close());
        const terminal = await topInTerminal(proxy.url);
        await until('the first picture', () => terminal.text.includes('all, last minute'));
        proxy.shut();
        await until('the reason', () => terminal.text.includes('Trying again; q to leave'));
        proxy.reopen();
        await until('a new picture', () => {
          const latest = terminal.text.split('pincex top ').at(-1)!;
          return latest.includes('\nq to leave') && latest.includes('all, last minute');
        });
        terminal.write('\u0003');
        expect(await terminal.ended).toBe(0);
      });
    },
  );
});
