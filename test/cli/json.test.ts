import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { pincexProgram } from '../../src/cli/program.ts';
import { withClient } from '../../src/database/client.ts';
import { ApiKeys } from '../../src/apiKeys/store.ts';
import { openBooks } from '../support/books.ts';
import { pincexCli } from '../support/commandLine.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folders.ts';
import { startPincex, type Ended } from '../support/processes.ts';
import { until } from '../support/waiting.ts';

/** The arguments of a command and its expected JSON, on new books. */
interface Case {
  readonly words: (url: string) => readonly string[] | Promise<readonly string[]>;
  readonly shows: unknown;
}

const MARKET = { symbol: 'XAU/USD', base: 'XAU', quote: 'USD', tickSize: '0.1', lotSize: '0.01' };
const ALERT = '0198c2f0-33f9-731b-9746-4513985db602';
const audit = expect.objectContaining({ ok: true, findings: [] }) as unknown;

/** Every command, in an order in which each succeeds. Commands with null are tested elsewhere or below. */
const CASES: Readonly<Record<string, Case | null>> = {
  'migrate up': {
    words: () => [],
    shows: { applied: expect.arrayContaining([{ version: 1, name: 'reference_data' }]) as unknown },
  },
  'migrate status': {
    words: () => [],
    shows: expect.arrayContaining([
      {
        version: 1,
        name: 'reference_data',
        state: 'applied',
        appliedAt: expect.stringMatching(/Z$/) as string,
      },
    ]),
  },
  // Stands before the commands that open the books, since each of them registers a process.
  doctor: { words: () => [], shows: expect.objectContaining({ ok: true }) },
  'currencies add': { words: () => ['XAU', '4'], shows: { code: 'XAU', scale: 4 } },
  'currencies list': { words: () => [], shows: expect.arrayContaining([{ code: 'XAU', scale: 4 }]) },
  'markets add': {
    words: () => ['XAU/USD', '0.1', '0.01'],
    shows: { ...MARKET, minNotional: '0', priceBand: null },
  },
  'markets set': {
    words: () => ['XAU/USD', '--min-notional', '7'],
    shows: { ...MARKET, minNotional: '7', priceBand: null },
  },
  'markets list': {
    words: () => [],
    shows: expect.arrayContaining([{ ...MARKET, minNotional: '7', priceBand: null }]),
  },
  'keys create': {
    words: () => ['--name', 'ann', '--scope', 'read'],
    shows: expect.objectContaining({ key: expect.stringMatching(/^pincex_/) as string, name: 'ann' }),
  },
  'keys list': { words: () => [], shows: [expect.objectContaining({ name: 'ann', scopes: ['read'] })] },
  'keys revoke': {
    async words(url) {
      const pincex = await openBooks(url);
      const [key] = await new ApiKeys(pincex.session).list();
      await pincex.close();
      return [key!.id];
    },
    shows: expect.objectContaining({ name: 'ann', revokedAt: expect.stringMatching(/Z$/) as string }),
  },
  'alerts ack': {
    async words(url) {
      await withClient(url, (client) =>
        client.query(
          `INSERT INTO alerts (id, rule, subject, severity, state, message, pending_at, fired_at)
           VALUES ('${ALERT}', 'p95', '', 'warning', 'firing', 'slow', now(), now())`,
        ),
      );
      return [ALERT, '--by', 'ann'];
    },
    shows: expect.objectContaining({ id: ALERT, acknowledgedBy: 'ann' }),
  },
  'alerts list': { words: () => [], shows: [expect.objectContaining({ id: ALERT, state: 'firing' })] },
  audit: { words: () => [], shows: audit },
  top: { words: () => [], shows: expect.objectContaining({ metrics: expect.anything() as unknown }) },
  'show user': { words: () => ['nobody'], shows: { accounts: [], holds: [] } },
  'show account': { words: () => ['nobody', 'USD'], shows: { rows: [], older: null, newer: null } },
  'show batch': {
    words: () => [ALERT],
    shows: { call: null, operations: [], older: null, newer: null },
  },
  'show totals': { words: () => [], shows: [] },
  'show order': null,
  'show trade': null,
  'show hold': null,
  sweep: { words: () => [], shows: { expiredOrders: 0, expiredHolds: 0, broken: [] } },
  'migrate down': {
    words: (url) => ['--drop-data', new URL(url).pathname.slice(1)],
    shows: { takenBack: [{ version: expect.any(Number) as number, name: expect.any(String) as string }] },
  },
  start: null,
  demo: null,
  bench: null,
  replay: null,
};

/** The commands without subcommands, each by its full name. */
function leaves(command: Command, words: readonly string[] = []): [name: string, command: Command][] {
  if (command.commands.length === 0) return [[words.join(' '), command]];
  return command.commands.flatMap((inner) => leaves(inner, [...words, inner.name()]));
}

const parsed = ({ stdout }: Ended): unknown => {
  expect(stdout).toMatch(/^[^\n]+\n$/);
  return JSON.parse(stdout);
};

const failure = ({ stderr }: Ended): unknown => JSON.parse(stderr.trimEnd().split('\n').at(-1)!);

it('every command takes --json and has a case in this file', () => {
  const all = leaves(pincexProgram());
  expect(all.map(([name]) => name).sort()).toEqual(Object.keys(CASES).sort());
  for (const [name, command] of all)
    expect(
      command.options.map(({ long }) => long),
      name,
    ).toContain('--json');
});

describe('with --json', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createEmptyDatabase();
  });
  afterAll(() => database.drop());

  it.each(Object.entries(CASES).filter((entry): entry is [string, Case] => entry[1] !== null))(
    'pincex %s --json prints one line of JSON',
    async (name, { words, shows }) => {
      const args = [...name.split(' '), ...(await words(database.url)), '--json'];
      const run = await pincexCli(args, { env: { DATABASE_URL: database.url } });
      expect(parsed(run)).toEqual(shows);
      expect(run).toMatchObject({ exitCode: 0 });
    },
  );

  it('pincex demo --json prints one line of JSON', async () => {
    const run = await pincexCli(['demo', '--json', '--events', '300'], {
      env: { PINCEX_DATA_DIR: path.join(temporaryFolder('demo'), 'data') },
    });
    expect(run.exitCode, run.stderr).toBe(0);
    expect(parsed(run)).toMatchObject({ day: { events: 300 }, audit });
  });

  it('pincex start --json prints a line of JSON for each event', async () => {
    const own = await createEmptyDatabase();
    onTestFinished(() => own.drop());
    const env = { DATABASE_URL: own.url };
    await pincexCli(['migrate', 'up'], { env });
    const { child, ended } = startPincex(['start', '--json', '--port', '0'], { env });
    let said = '';
    child.stdout!.on('data', (text: string) => (said += text));
    const up = until('the service to listen', () => said.includes('listening'));
    await Promise.race([up, ended.then((end) => Promise.reject(new Error(JSON.stringify(end))))]);
    child.kill('SIGTERM');
    const { exitCode, stdout } = await ended;
    expect(exitCode).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { url?: string });
    const url = lines[1]?.url;
    expect(lines).toEqual([
      {
        event: 'first_key',
        id: expect.any(String) as string,
        key: expect.stringMatching(/^pincex_/) as string,
      },
      { event: 'listening', url, documentation: `${url}/docs` },
      { event: 'stopping', signal: 'SIGTERM' },
    ]);
  });

  it.each(Object.keys(CASES).filter((name) => name !== 'demo'))(
    'pincex %s --json prints the error of a failed command as JSON and nothing else',
    async (name) => {
      const folder = temporaryFolder('cli');
      const file = path.join(folder, 'events.csv');
      writeFileSync(file, '');
      const words: Readonly<Record<string, readonly string[]>> = {
        'currencies add': ['ABC', '2'],
        'markets add': ['ABC/USD', '1', '1'],
        'markets set': ['BTC/USD', '--min-notional', '1'],
        'keys create': ['--name', 'ann', '--scope', 'read'],
        'keys revoke': ['0123456789abcdef'],
        'alerts ack': [ALERT, '--by', 'ann'],
        replay: [file],
        'show user': ['ann'],
        'show account': ['ann', 'USD'],
        'show order': ['o'],
        'show trade': ['t'],
        'show hold': ['o', '--user', 'ann'],
        'show batch': [ALERT],
      };
      const env = { DATABASE_URL: 'postgres://127.0.0.1:1/none' };
      const args = [...name.split(' '), ...(words[name] ?? []), '--json'];
      const run = await pincexCli(args, { env, cwd: folder });
      expect(run).toMatchObject({ exitCode: 1, stdout: '' });
      expect(failure(run)).toEqual({
        error: {
          code: expect.stringMatching(/^(database_unavailable|invalid_file)$/) as string,
          message: expect.any(String) as string,
          retryable: expect.any(Boolean) as boolean,
        },
      });
    },
  );

  it('pincex --json prints the refusal of wrong arguments as JSON', async () => {
    for (const args of [
      ['frobnicate'],
      ['audit', '--yaml'],
      ['migrate', 'down', '--steps', 'all'],
      ['keys', 'create'],
    ]) {
      const run = await pincexCli([...args, '--json']);
      expect(run).toMatchObject({ exitCode: 1, stdout: '' });
      expect(JSON.parse(run.stderr)).toMatchObject({ error: { code: 'invalid_usage', retryable: false } });
    }
  });
});
