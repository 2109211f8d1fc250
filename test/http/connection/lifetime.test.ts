import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeKey as newApiKey } from '../../../src/apiKeys/keySecrets.ts';
import { startService } from '../../../src/http/service.ts';
import { Pincex } from '../../../src/index.ts';
import { postmasterPid, startHolder } from '../../embedded/support.ts';
import { configOf, funds, fresh, newUser, useBooks } from '../../support/books.ts';
import { pincexCli } from '../../support/commandLine.ts';
import { newDataDir, seededDataDir, temporaryFolder } from '../../support/folders.ts';
import { startPincex, type Running } from '../../support/processes.ts';
import { findProgram } from '../../support/programs.ts';
import { until } from '../../support/waiting.ts';
import { makeKey } from '../support.ts';
import { hold } from '../wire.ts';

const books = useBooks();

const LOCK = '/v1/funds/batch-lock';
const lock = (userId: string, id: string) => ({ id, userId, currency: 'USD', amount: '1', orderId: id });

/** `pincex start` as a process that listens. */
interface Started extends Running {
  readonly url: string;
  /** The first key, if the process printed one. */
  readonly key: string | undefined;
}

async function listening(env: Record<string, string>, ...args: string[]): Promise<Started> {
  const running = startPincex(['start', '--port', '0', ...args], { env });
  const { child, ended } = running;
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let said = '';
  child.stdout!.on('data', (text: string) => (said += text));
  const up = until('the service to listen', () => said.includes('listening on '));
  await Promise.race([up, ended.then((end) => Promise.reject(new Error(JSON.stringify(end))))]);
  return {
    ...running,
    url: /listening on (\S+),/.exec(said)![1]!,
    key: /pincex_\w+/.exec(said)?.[0],
  };
}

function post(url: string, key: string, body: object, path = LOCK): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  return fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

const onBooks = () => ({ DATABASE_URL: books.url });

describe('pincex start', () => {
  it('pincex start on books without a key makes one with all rights, prints it once, and listens to this machine only', async () => {
    const env = { PINCEX_DATA_DIR: await seededDataDir() };
    const first = await listening(env);
    expect(new URL(first.url).hostname).toBe('127.0.0.1');
    const authorization = `Bearer ${first.key!}`;
    const answer = await fetch(`${first.url}/v1/limits`, { headers: { authorization } });
    expect(answer.status).toBe(200);
    expect((await post(first.url, first.key!, { items: [] }, '/v1/batches')).status).toBe(200);
    expect((await fetch(`${first.url}/v1/limits`)).status).toBe(401);
    first.child.kill('SIGINT');
    const end = await first.ended;
    expect(end.exitCode).toBe(0);
    expect(end.stdout.match(/pincex_\w+/g)).toHaveLength(1);
    expect(end.stderr).not.toContain(first.key!);

    const second = await listening(env);
    expect(second.key).toBeUndefined();
    const id = first.key!.split('_')[1]!;
    const again = await fetch(`${second.url}/v1/limits`, { headers: { authorization } });
    expect(again.status).toBe(200);
    second.child.kill('SIGTERM');
    const secondEnd = await second.ended;
    expect(secondEnd.exitCode).toBe(0);
    // Each start warns of the first key for as long as it is valid.
    for (const { stderr } of [end, secondEnd]) expect(stderr).toContain(`pincex keys revoke ${id}`);
  });

  it('pincex start takes the first key from the environment and prints only its id', async () => {
    const { id, key } = newApiKey();
    const env = { PINCEX_DATA_DIR: await seededDataDir(), PINCEX_SERVICE_FIRST_KEY: key };
    const { url, child, ended } = await listening(env);
    expect((await post(url, key, { items: [] }, '/v1/batches')).status).toBe(200);
    child.kill('SIGTERM');
    const { exitCode, stdout, stderr } = await ended;
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`is that of service.first_key: ${id}`);
    expect(stdout + stderr).not.toContain(key);
    expect(stderr).not.toContain('WARNING');
  });

  it('a service that is told to stop loses none of the calls that it took', async () => {
    const key = await makeKey(books.pincex, 'admin');
    const { url, child, ended } = await listening({ ...onBooks(), PINCEX_SERVICE_DRAIN_DELAY: '100ms' });
    const userId = await newUser(books.pincex, { USD: '1000000' });
    const slowUser = await newUser(books.pincex, { USD: '10' });
    const held = await hold(books, slowUser);
    const underWay = post(url, key, { items: [lock(slowUser, 'slow')] });
    await held.awaited();

    // Four clients call again and again, until nothing listens any more.
    const applied: string[] = [];
    const client = async (): Promise<void> => {
      for (;;) {
        const id = fresh('item');
        let answer: Response;
        try {
          answer = await post(url, key, { items: [lock(userId, id)] });
        } catch {
          // The call was refused, or ended before it was read; the journal tells which.
          return;
        }
        if (answer.status === 503) continue;
        expect(answer.status).toBe(200);
        expect(await answer.json()).toMatchObject({ status: 'applied' });
        applied.push(id);
      }
    };
    const clients = [client(), client(), client(), client()];
    await until('calls to be answered', () => applied.length > 10);
    child.kill('SIGTERM');
    await Promise.all(clients);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();

    // The process still waits for the call that is under way.
    expect(child.exitCode).toBeNull();
    await held.release();
    const answer = await underWay;
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ status: 'applied' });
    expect((await ended).exitCode).toBe(0);

    expect(await funds(books.pincex, slowUser, 'USD')).toBe('9 / 1');
    const rows = await books.sql<{ id: string }>('SELECT id FROM operations WHERE user_id = $1', [userId]);
    const written = rows.map(({ id }) => id).filter((id) => id.startsWith('item'));
    expect(new Set(written)).toEqual(new Set(applied));
    const locked = `${1_000_000 - applied.length} / ${applied.length}`;
    expect(await funds(books.pincex, userId, 'USD')).toBe(locked);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'a service that is told to stop is unready and takes calls for a while, and ends at once when it is told again by %s',
    async (second) => {
      const key = await makeKey(books.pincex, 'admin');
      const { url, child, ended } = await listening({ ...onBooks(), PINCEX_SERVICE_DRAIN_DELAY: '1h' });
      const userId = await newUser(books.pincex, { USD: '10' });
      const other = await newUser(books.pincex, { USD: '10' });
      const held = await hold(books, userId);
      const underWay = post(url, key, { items: [lock(userId, 'a')] }).catch(() => 'cut');
      await held.awaited();
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      child.kill('SIGTERM');
      await until('it to drain', async () => (await fetch(`${url}/readyz`)).status === 503);
      expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ code: 'draining' });
      const late = await post(url, key, { items: [lock(other, 'late')] });
      expect([late.status, await late.json()]).toMatchObject([200, { status: 'applied' }]);
      child.kill(second);
      expect(await ended).toMatchObject({ exitCode: null });
      expect(child.signalCode).toBe(second);
      expect(await underWay).toBe('cut');
      await held.release();
    },
  );

  it('a service goes on when the starter of its embedded server ends, and ends when that server ends', async () => {
    const dataDir = await seededDataDir();
    const starter = startHolder(dataDir);
    expect(await starter.next()).toMatchObject({ startedHere: true });
    const { url, ended } = await listening({ PINCEX_DATA_DIR: dataDir });
    await starter.kill('SIGKILL');
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    process.kill(postmasterPid(dataDir), 'SIGQUIT');
    const { exitCode, stderr } = await ended;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^pincex: The embedded PostgreSQL server has ended.* \(database_unavailable\)$/m);
  });

  it('an empty --host, as from an unset variable of a shell, is refused instead of listening to all networks', async () => {
    const { exitCode, stderr } = await pincexCli(['start', '--port', '0', '--host', ''], { env: onBooks() });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('--host takes a text that is not empty');
  });

  it('a port that is taken is reported in one line', async () => {
    const taken = net.createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      taken.close();
    });
    const port = String((taken.address() as AddressInfo).port);
    const { exitCode, stderr } = await pincexCli(['start', '--port', port], { env: onBooks() });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^pincex: .*service\\.port ${port}.*EADDRINUSE.* \\(invalid_configuration\\)\n$`, 'm'),
    );
    expect(stderr).not.toContain('    at ');
  });
});

describe('TLS', () => {
  const openssl = findProgram('openssl');

  it.each([
    ['do not exist', undefined],
    ['are no certificate', 'no certificate'],
  ])('certificate files that %s are reported in one line', async (_, content) => {
    const file = path.join(temporaryFolder('tls'), 'cert.pem');
    if (content !== undefined) writeFileSync(file, content);
    const env = { ...onBooks(), PINCEX_SERVICE_TLS_CERT: file, PINCEX_SERVICE_TLS_KEY: file };
    const { exitCode, stderr } = await pincexCli(['start', '--port', '0'], { env });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`service.tls_cert ${file}`);
    expect(stderr).toMatch(/^pincex: .* \(invalid_configuration\)$/m);
    expect(stderr).not.toContain('    at ');
  });

  it('certificate files are checked before anything else: no books are made, and no key is printed', async () => {
    const dataDir = newDataDir();
    const missing = path.join(temporaryFolder('tls'), 'none.pem');
    const tls = { PINCEX_SERVICE_TLS_CERT: missing, PINCEX_SERVICE_TLS_KEY: missing };
    const { exitCode, stdout } = await pincexCli(['start', '--port', '0'], {
      env: { PINCEX_DATA_DIR: dataDir, ...tls },
    });
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(existsSync(dataDir)).toBe(false);
  });

  it.skipIf(openssl === null)(
    'a service with TLS serves https to its end, which no silent connection delays (skipped without openssl)',
    async () => {
      const folder = temporaryFolder('tls');
      const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
      const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
      await promisify(execFile)(openssl!, [...made, ...names, '-keyout', key, '-out', cert]);
      const env = { PINCEX_SERVICE_PORT: '0', PINCEX_SERVICE_TLS_CERT: cert, PINCEX_SERVICE_TLS_KEY: key };
      const pincex = await Pincex.open({ config: configOf(books.url, env) });
      onTestFinished(() => pincex.close());
      const service = await startService(pincex);
      onTestFinished(() => service.stop());
      const { url } = service;
      expect(url).toMatch(/^https:/);
      const ca = readFileSync(cert);
      const statusOf = (path: string, options: https.RequestOptions = {}, body?: string) =>
        new Promise((resolve, reject) => {
          const request = https.request(url + path, { ca, ...options }, (response) => {
            response.resume().once('end', () => {
              resolve(response.statusCode);
            });
          });
          request.once('error', reject).end(body);
        });
      expect(await statusOf('/healthz')).toBe(200);

      const silent = connect({ port: Number(new URL(url).port), host: '127.0.0.1', ca }).resume();
      await once(silent, 'secureConnect');
      const userId = await newUser(books.pincex, { USD: '10' });
      const held = await hold(books, userId);
      const authorization = `Bearer ${await makeKey(books.pincex, 'funds:write')}`;
      const headers = { authorization, 'content-type': 'application/json' };
      const body = JSON.stringify({ items: [lock(userId, 'a')] });
      const answer = statusOf(LOCK, { method: 'POST', headers }, body);
      await held.awaited();
      const stopping = service.stop();
      await until('the silent connection to end', () => silent.closed);
      await held.release();
      expect(await answer).toBe(200);
      await stopping;
    },
  );
});
