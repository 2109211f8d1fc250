import { execFile } from 'node:child_process';
import { chownSync, copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { withClient } from '../../src/database/client.ts';
import { startEmbeddedServer, type EmbeddedServer } from '../../src/embedded/server.ts';
import { Pincex } from '../../src/index.ts';
import { configOf, expectBalanced, newUser } from '../support/books.ts';
import { setEnvironment } from '../support/environment.ts';
import { copyFolder, makeFolder, removeFolder } from '../support/folders.ts';
import { findProgram } from '../support/programs.ts';
import { until } from '../support/waiting.ts';

/** Each statement of "TLS to PostgreSQL" in docs/operations.md, tried on a server with TLS. */

const openssl = findProgram('openssl');
let folder: string;
let server: EmbeddedServer;

const file = (name: string): string => path.join(folder, name);

beforeEach(({ skip }) => {
  skip(openssl === null, 'openssl cannot be found: without it there are no certificates');
});

/** Makes a certificate and its key, signed by `ca`, or self-signed without one. */
async function makeCertificate(
  name: string,
  subject: string,
  alternative?: string,
  ca?: string,
): Promise<void> {
  const words = [
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', `/CN=${subject}`],
    alternative === undefined ? [] : ['-addext', `subjectAltName=${alternative}`],
    ca === undefined ? [] : ['-CA', file(`${ca}.crt`), '-CAkey', file(`${ca}.key`)],
    ['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)],
  ].flat();
  await promisify(execFile)(openssl!, words);
}

beforeAll(async () => {
  folder = makeFolder('tls');
  if (openssl === null) return;
  await makeCertificate('ca', 'Our CA');
  await makeCertificate('other', 'Another CA');
  await makeCertificate('server', 'server', 'DNS:localhost', 'ca');
  await makeCertificate('self', 'self', 'DNS:localhost');
  await makeCertificate('client', 'pincex_tls', undefined, 'ca');
  const dataDir = path.join(folder, 'data');
  await copyFolder(inject('seedFolder'), dataDir);
  server = await startEmbeddedServer({ dataDir, listens: 'tcp' });
  const cluster = path.join(dataDir, 'postgres');
  const { uid, gid } = statSync(cluster);
  for (const name of ['ca.crt', 'server.crt', 'server.key', 'self.crt', 'self.key']) {
    copyFileSync(file(name), path.join(cluster, name));
    chownSync(path.join(cluster, name), uid, gid);
  }
  const hba = path.join(cluster, 'pg_hba.conf');
  writeFileSync(hba, `hostssl all pincex_tls 127.0.0.1/32 cert\n${readFileSync(hba, 'utf8')}`);
  await administer(
    'CREATE ROLE pincex_tls LOGIN',
    `ALTER SYSTEM SET ssl_ca_file = 'ca.crt'`,
    'ALTER SYSTEM SET ssl = on',
  );
  await presents('server');
});
afterAll(async () => {
  if (openssl !== null) await server.stop();
  removeFolder(folder);
});

async function administer(...statements: string[]): Promise<void> {
  await withClient(server.url, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

/** Makes the server present this certificate from now on. */
async function presents(name: 'server' | 'self'): Promise<void> {
  await administer(
    `ALTER SYSTEM SET ssl_cert_file = '${name}.crt'`,
    `ALTER SYSTEM SET ssl_key_file = '${name}.key'`,
    'SELECT pg_reload_conf()',
  );
  const seen = `sslmode=verify-full&sslrootcert=${file(name === 'self' ? 'self.crt' : 'ca.crt')}`;
  await until('the certificate to be shown', async () => (await outcomeOf(urlWith(seen))) === 'TLS');
}

/** The URL of the server with these parameters and no others. */
function urlWith(parameters: string, host = 'localhost'): string {
  const url = new URL(server.url);
  url.hostname = host;
  url.search = parameters;
  return url.href;
}

/** `TLS` or `plain`, or the code and message with which the connection fails. */
async function outcomeOf(url: string): Promise<string> {
  try {
    return await withClient(url, async (client) => {
      const { rows } = await client.query<{ ssl: boolean }>(
        'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      );
      return rows[0]?.ssl === true ? 'TLS' : 'plain';
    });
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
}

const FILE = (name: string): string => `&sslrootcert=${file(name)}`;
const UNTRUSTED = /^database_refused: .*(self-signed|unable to (get|verify)).*see "TLS to PostgreSQL"/;
const WRONG_NAME = /^database_refused: .*does not match certificate.*see "TLS to PostgreSQL"/;
const CHECKED = ['prefer', 'require', 'verify-ca', 'verify-full'];

describe('a URL without parameters of TLS', () => {
  it('a connection is plain text without sslmode, with sslmode=disable and with ssl=0', async () => {
    expect(await outcomeOf(urlWith(''))).toBe('plain');
    expect(await outcomeOf(urlWith('sslmode=disable'))).toBe('plain');
    expect(await outcomeOf(urlWith('ssl=0'))).toBe('plain');
  });

  it.each([
    ['no-verify', 'TLS'],
    ['disable', 'plain'],
    ['allow', 'plain'],
    ['require', UNTRUSTED],
    ['verify-full', UNTRUSTED],
  ])('PGSSLMODE=%s applies to a URL without sslmode', async (mode, outcome) => {
    setEnvironment({ PGSSLMODE: mode, PGSSLROOTCERT: file('ca.crt') });
    expect(await outcomeOf(urlWith(''))).toMatch(outcome);
    expect(await outcomeOf(urlWith('sslmode=disable'))).toBe('plain');
  });
});

describe.each(CHECKED)('a URL with sslmode=%s', (mode) => {
  it('a certificate of a known authority for the name of the host is accepted', async () => {
    expect(await outcomeOf(urlWith(`sslmode=${mode}${FILE('ca.crt')}`))).toBe('TLS');
  });

  it('a certificate of an unknown authority is refused', async () => {
    expect(await outcomeOf(urlWith(`sslmode=${mode}`))).toMatch(UNTRUSTED);
    expect(await outcomeOf(urlWith(`sslmode=${mode}${FILE('other.crt')}`))).toMatch(UNTRUSTED);
  });

  it('a certificate for another name is refused', async () => {
    expect(await outcomeOf(urlWith(`sslmode=${mode}${FILE('ca.crt')}`, '127.0.0.1'))).toMatch(WRONG_NAME);
  });
});

describe('a URL with sslmode=no-verify', () => {
  it('sslmode=no-verify encrypts and accepts any certificate', async () => {
    expect(await outcomeOf(urlWith('sslmode=no-verify', '127.0.0.1'))).toBe('TLS');
  });
});

describe('a URL with uselibpqcompat=true', () => {
  it.each([
    ['prefer', '', 'TLS'],
    ['require', '', 'TLS'],
    ['require', 'ca.crt', 'TLS'],
    ['require', 'other.crt', UNTRUSTED],
    ['verify-ca', 'ca.crt', 'TLS'],
    ['verify-ca', 'other.crt', UNTRUSTED],
    [
      'verify-ca',
      '',
      /^database_refused: .*requires specifying a CA with sslrootcert.*see "TLS to PostgreSQL"/,
    ],
    ['verify-full', 'ca.crt', WRONG_NAME],
  ])('sslmode=%s and sslrootcert=%s mean the same as in libpq', async (mode, root, outcome) => {
    const url = urlWith(`uselibpqcompat=true&sslmode=${mode}${root && FILE(root)}`, '127.0.0.1');
    expect(await outcomeOf(url)).toMatch(outcome);
  });
});

describe('a URL with other parameters of TLS', () => {
  it.each([
    ['ssl=true', UNTRUSTED],
    ['ssl=no-verify', 'TLS'],
    ['sslnegotiation=direct', UNTRUSTED],
    ['sslnegotiation=direct&sslmode=no-verify', 'TLS'],
    [
      'sslmode=verify-full&sslrootcert=system',
      /^database_refused: .*ENOENT.*'system'.*see "TLS to PostgreSQL"/,
    ],
  ])('the parameters %s have the documented outcome', async (parameters, outcome) => {
    expect(await outcomeOf(urlWith(parameters))).toMatch(outcome);
  });

  it('sslrootcert alone checks the certificate as verify-full does', async () => {
    expect(await outcomeOf(urlWith(FILE('ca.crt')))).toBe('TLS');
    expect(await outcomeOf(urlWith(FILE('ca.crt'), '127.0.0.1'))).toMatch(WRONG_NAME);
  });
});

describe('a client certificate', () => {
  const asClient = (parameters: string): string => {
    const url = new URL(urlWith(parameters));
    url.username = 'pincex_tls';
    url.password = '';
    return url.href;
  };

  it('a client certificate replaces the password if pg_hba.conf says cert', async () => {
    const own = `&sslcert=${file('client.crt')}&sslkey=${file('client.key')}`;
    expect(await outcomeOf(asClient(`sslmode=verify-full${FILE('ca.crt')}${own}`))).toBe('TLS');
  });

  it('a client certificate that is missing, or of an authority unknown to the server, is refused', async () => {
    expect(await outcomeOf(asClient(`sslmode=verify-full${FILE('ca.crt')}`))).toMatch(
      /^database_refused: .*valid client certificate/,
    );
    const other = `&sslcert=${file('other.crt')}&sslkey=${file('other.key')}`;
    expect(await outcomeOf(asClient(`sslmode=verify-full${FILE('ca.crt')}${other}`))).toMatch(
      /^database_refused: .*alert unknown ca.*see "TLS to PostgreSQL"/,
    );
  });
});

describe('a self-signed certificate of the server', () => {
  it('a self-signed certificate is accepted by verify-full with itself as sslrootcert', async () => {
    await presents('self');
    try {
      expect(await outcomeOf(urlWith(`sslmode=verify-full${FILE('self.crt')}`))).toBe('TLS');
      expect(await outcomeOf(urlWith(`sslmode=verify-full${FILE('ca.crt')}`))).toMatch(UNTRUSTED);
      expect(await outcomeOf(urlWith('sslmode=no-verify'))).toBe('TLS');
    } finally {
      await presents('server');
    }
  });
});

it('a server without TLS is refused in every mode but disable, and none falls back to plain text', async () => {
  const plain = new URL(inject('serverUrl'));
  for (const parameters of [
    ...[...CHECKED, 'no-verify'].map((mode) => `sslmode=${mode}`),
    'uselibpqcompat=true&sslmode=prefer',
    'ssl=true',
  ]) {
    plain.search = parameters;
    expect(await outcomeOf(plain.href)).toMatch(
      /^database_refused: .*The server does not support SSL connections; see "TLS to PostgreSQL"/,
    );
  }
});

it('every connection of a process is encrypted', async () => {
  const cluster = path.join(folder, 'data', 'postgres');
  const hba = path.join(cluster, 'pg_hba.conf');
  const before = readFileSync(hba, 'utf8');
  const url = urlWith(`sslmode=verify-full${FILE('ca.crt')}`);
  const refusesPlain = async (): Promise<boolean> => (await outcomeOf(urlWith(''))) !== 'plain';
  const reload = () => withClient(url, (client) => client.query('SELECT pg_reload_conf()'));
  writeFileSync(hba, `hostnossl all all all reject\n${before}`);
  await reload();
  onTestFinished(async () => {
    writeFileSync(hba, before);
    await reload();
    await until('plain text to be taken', async () => !(await refusesPlain()));
  });
  await until('plain text to be refused', refusesPlain);
  const pincex = await Pincex.open({ config: configOf(url, { PINCEX_DATABASE_READ_URL: url }) });
  onTestFinished(() => pincex.close());
  await newUser(pincex, { USD: '1' });
  await pincex.ping();
  await expectBalanced(pincex);
  const { findings } = await pincex.doctor();
  expect(findings.filter(({ severity }) => severity === 'hurts')).toEqual([]);
  const processes = await withClient(url, (client) => client.query('SELECT FROM processes'));
  expect(processes.rowCount).toBe(1);
});

it('the section of the documentation that the messages name exists', () => {
  const operations = readFileSync(path.join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
  expect(operations.split('\n')).toContain('## TLS to PostgreSQL');
});
