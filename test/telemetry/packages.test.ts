import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { usePacked } from '../package/packed.ts';
import { fresh } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startNode, type Ended } from '../support/processes.ts';

/** Makes a batch, and prints the packages of OpenTelemetry that were loaded for it. */
const PROGRAM = `
  import { createRequire } from 'node:module';
  import { Pincex } from 'pincex';

  const pincex = await Pincex.open();
  const deposit = { id: process.argv[2], userId: 'ann', currency: 'USD', amount: '1' };
  const { status } = await pincex.bookkeeper.deposit(deposit);
  await pincex.close();
  const files = Object.keys(createRequire(import.meta.url).cache);
  const packages = files.flatMap((file) => /node_modules.(@opentelemetry.[\\w-]+)/.exec(file)?.[1] ?? []);
  console.log(JSON.stringify({ status, packages: [...new Set(packages)].sort() }));
`;

const packed = usePacked({ dependencies: true });
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** No program listens on this port. */
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_METRICS_EXPORTER: 'none' };

/** Runs the program as a user's, with variables of the environment. Each run makes a deposit of its own. */
async function runProgram(env: Record<string, string | undefined>): Promise<Ended> {
  await writeFile(path.join(packed.folder, 'program.mjs'), PROGRAM);
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return startNode(['program.mjs', fresh('deposit')], {
    cwd: packed.folder,
    env: { DATABASE_URL: database.url, ...Object.fromEntries(given) },
  }).ended;
}

const UNASKED: Record<string, string | undefined>[] = [
  {},
  { OTEL_SERVICE_NAME: 'exchange' },
  { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: '' },
  { ...ENDPOINT, OTEL_SDK_DISABLED: 'true' },
];
const nothingLoaded = { exitCode: 0, stdout: '{"status":"applied","packages":[]}\n', stderr: '' };

describe('the packages of OpenTelemetry, where they are not installed', () => {
  it('if a variable asks for them, the books open all the same and a warning says how to install them', async () => {
    const { stderr, ...ended } = await runProgram(ENDPOINT);
    expect({ ...ended, stderr: '' }).toEqual(nothingLoaded);
    expect(stderr).toContain('[PINCEX_TELEMETRY_OFF] PincexWarning: OTEL_EXPORTER_OTLP_ENDPOINT is set, but');
    expect(stderr).toContain("Cannot find package '@opentelemetry/api'");
    expect(stderr).toContain('npm install @opentelemetry/api @opentelemetry/sdk-node');
  });

  it.each(UNASKED)('with the variables %o no warning is given', async (env) => {
    expect(await runProgram(env)).toEqual(nothingLoaded);
  });
});

describe('the packages of OpenTelemetry, where they are installed', () => {
  beforeAll(async () => {
    const scope = path.resolve('node_modules/@opentelemetry');
    await symlink(scope, path.join(packed.package, 'node_modules', '@opentelemetry'));
  });

  it.each(UNASKED)('with the variables %o none is loaded', async (env) => {
    expect(await runProgram(env)).toEqual(nothingLoaded);
  });

  it('if a variable asks for them they are loaded, and the spans go where the variable says', async () => {
    const { exitCode, stdout, stderr } = await runProgram({
      OTEL_TRACES_EXPORTER: 'console',
      OTEL_METRICS_EXPORTER: 'none',
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain("name: 'batch_deposit'");
    expect(stdout).toMatch(/"packages":\[.*"@opentelemetry\/sdk-node"/);
  });
});
