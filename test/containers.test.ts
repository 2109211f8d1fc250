import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../src/index.ts';
import { pincexCli } from './support/commandLine.ts';

/** Dockerfile and compose.yaml, as far as they can be tested without running containers. */

const root = new URL('../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, root), 'utf8');

describe('the Dockerfile', () => {
  /** The instructions, one a line and without comments. */
  const instructions = read('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ name: line.split(' ', 1)[0] ?? '', rest: line.slice(line.indexOf(' ') + 1) }));
  const all = (name: string) => instructions.filter((one) => one.name === name).map(({ rest }) => rest);
  const last = (name: string) => all(name).at(-1) ?? '';
  const listOf = (text: string) => JSON.parse(text.slice(text.indexOf('['))) as string[];

  it('the Dockerfile copies files that exist and that .dockerignore lets through, or files of a known stage', () => {
    const stages = all('FROM').flatMap((from) => / AS (\w+)$/.exec(from)?.[1] ?? []);
    const ignored = read('.dockerignore').split('\n');
    expect(ignored).toContain('*');
    const sources = all('COPY').flatMap((copy) => {
      const words = copy.split(' ');
      const stage = words[0]?.startsWith('--from=') && words[0].slice('--from='.length);
      if (stage) expect(stages).toContain(stage);
      return stage ? [] : words.slice(0, -1);
    });
    expect(sources).toContain('migrations');
    for (const source of sources) {
      expect(existsSync(new URL(source, root)), source).toBe(true);
      expect(ignored).toContain(`!${source}`);
    }
  });

  it('the Dockerfile uses a version of Node.js that the package supports', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    const [, wanted] = /^>=(\d+)\./.exec(engines.node) ?? [];
    const versions = all('FROM').map((from) => Number(/^node:(\d+)-/.exec(from)?.[1]));
    expect(new Set(versions).size).toBe(1);
    expect(versions[0]).toBeGreaterThanOrEqual(Number(wanted));
  });

  it('the Dockerfile does not run as root', () => {
    expect(last('USER')).toBe('node');
  });

  it('the Dockerfile starts a known command on the exposed port', async () => {
    const [command, option] = listOf(last('CMD'));
    const help = await pincexCli([command ?? '', '--help']);
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toContain(option);
    expect(listOf(last('ENTRYPOINT')).at(-1)).toBe('dist/cli/main.js');
    expect(loadConfig({ env: {} }).service.port).toBe(Number(last('EXPOSE')));
  });

  it.each<[string, RequestListener | null, number]>([
    [
      'succeeds while the service answers',
      (request, response) => response.writeHead(request.url === '/healthz' ? 200 : 404).end(),
      0,
    ],
    ['fails when the service answers with an error', (_, response) => response.writeHead(503).end(), 1],
    ['fails when the service does not listen', null, 1],
  ])('the health check %s', async (_, answer, exitCode) => {
    const server = createServer(answer ?? undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const close = () => new Promise((resolve) => server.close(resolve));
    if (answer === null) await close();
    const [, ...args] = listOf(last('HEALTHCHECK'));
    const code = await new Promise((resolve) => {
      const env = { PINCEX_SERVICE_PORT: String(port) };
      execFile(process.execPath, args, { env }, (error) => {
        resolve(error === null ? 0 : error.code);
      });
    });
    if (answer !== null) await close();
    expect(code).toBe(exitCode);
  });
});

describe('compose.yaml', () => {
  interface Service {
    readonly image?: string;
    readonly build?: string;
    readonly environment?: Record<string, string>;
    readonly command?: string[];
    readonly ports?: string[];
    readonly volumes?: string[];
    readonly healthcheck?: object;
    readonly depends_on?: Record<string, { condition: string }>;
    readonly profiles?: string[];
    readonly secrets?: string[];
  }
  const text = read('compose.yaml');
  const { services, volumes, secrets } = parse(text) as {
    services: Record<string, Service>;
    volumes: Record<string, unknown>;
    secrets: Record<string, { environment: string }>;
  };
  const ours = Object.entries(services).filter(([, { build }]) => build === '.');

  it('compose.yaml has no password and no default for one', () => {
    const variables = text.match(/\$\{[^}]*\}/g) ?? [];
    expect(variables.length).toBeGreaterThan(3);
    for (const variable of variables) expect(variable).toMatch(/^\$\{(POSTGRES|REDIS)_PASSWORD:\?.+\}$/);
    for (const [, { environment = {} }] of Object.entries(services)) {
      for (const [name, value] of Object.entries(environment)) {
        if (name.endsWith('__FILE')) expect(value).toMatch(/^\/run\/secrets\//);
        else if (/PASSWORD|AUTH|URL/.test(name)) expect(value).toContain('_PASSWORD:?');
      }
    }
  });

  it('compose.yaml passes no password on a command line', () => {
    for (const { command = [], healthcheck = {} } of Object.values(services))
      expect(JSON.stringify([command, healthcheck])).not.toContain('_PASSWORD');
  });

  it('compose.yaml configures the service by known keys', () => {
    expect(ours.map(([name]) => name)).toEqual(['migrate', 'pincex']);
    for (const [, { environment = {} }] of ours) {
      const env = Object.fromEntries(
        Object.entries(environment).map(([name, value]) => [
          name,
          value.replaceAll(/\$\{[^}]*\}/g, 'secret'),
        ]),
      );
      const { database } = loadConfig({ env });
      expect(database.url).toBe('postgres://pincex:secret@postgres:5432/exchange');
      for (const name of Object.keys(env)) expect(name).toMatch(/^(PINCEX_|DATABASE_URL$|REDIS_URL$)/);
    }
    const url = services['pincex']?.environment?.['REDIS_URL'] ?? '';
    expect(url).toMatch(/^redis:\/\/:\$\{REDIS_PASSWORD[^}]*\}@redis:6379\/0$/);
  });

  it('compose.yaml starts a service after its dependencies are healthy or completed', () => {
    expect(services['pincex']?.depends_on).toEqual({
      postgres: { condition: 'service_healthy' },
      redis: { condition: 'service_healthy' },
      migrate: { condition: 'service_completed_successfully' },
    });
    for (const [, { depends_on = {} }] of Object.entries(services)) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        expect(services).toHaveProperty(name);
        if (condition === 'service_healthy') expect(services[name]).toHaveProperty('healthcheck');
      }
    }
    expect(services['migrate']?.command).toEqual(['migrate', 'up']);
  });

  it('compose.yaml publishes only the ports of the service and of the monitoring, and only on 127.0.0.1', () => {
    const ports = Object.values(services).flatMap(({ ports = [] }) => ports);
    const service = `127.0.0.1:8080:${loadConfig({ env: {} }).service.port}`;
    expect(ports).toEqual([service, '127.0.0.1:9090:9090', '127.0.0.1:3000:3000']);
  });

  it('compose.yaml starts Prometheus and Grafana with the profile monitoring only', () => {
    const others = ['postgres', 'redis', 'migrate', 'pincex'];
    for (const [name, { profiles }] of Object.entries(services))
      expect(profiles, name).toEqual(others.includes(name) ? undefined : ['monitoring']);
  });

  it('compose.yaml gives Prometheus and Grafana files that exist, and secrets where they look for them', () => {
    for (const name of ['prometheus', 'grafana']) {
      const { volumes: mounts = [], secrets: own = [], environment = {} } = services[name]!;
      for (const mount of mounts) {
        const [source = ''] = mount.split(':');
        if (source.startsWith('./')) expect(existsSync(new URL(source, root)), source).toBe(true);
        else expect(volumes).toHaveProperty(source);
      }
      expect(own).toHaveLength(1);
      const configured = JSON.stringify(environment) + read('monitoring/prometheus/prometheus.yml');
      for (const secret of own) {
        expect(secrets[secret]?.environment).toBe(secret.toUpperCase());
        expect(configured).toContain(`/run/secrets/${secret}`);
      }
    }
    const { scrape_configs: jobs } = parse(read('monitoring/prometheus/prometheus.yml')) as {
      scrape_configs: [{ static_configs: [{ targets: [string] }] }];
    };
    const { port } = loadConfig({ env: {} }).service;
    expect(jobs[0].static_configs[0].targets).toEqual([`pincex:${port}`]);
  });

  it('compose.yaml keeps the books in a volume', () => {
    expect(services['postgres']?.volumes).toEqual(['postgres:/var/lib/postgresql']);
    expect(volumes).toHaveProperty('postgres');
  });
});
