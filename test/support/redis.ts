import { execFile, spawn, type ChildProcess } from 'node:child_process';
import net from 'node:net';
import { promisify } from 'node:util';
import { freePort } from '../../src/embedded/port.ts';
import { makeFolder, removeFolder } from './folders.ts';
import { findProgram } from './programs.ts';
import { until } from './waiting.ts';

const run = promisify(execFile);

/** Why tests with Redis are skipped here, or null where they run. */
export const NO_REDIS = findProgram('redis-server') === null ? 'redis-server is not installed' : null;

/** A real Redis server of a test's own. */
export class TestRedis {
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#args = args;
    this.#folder = makeFolder('redis');
  }

  /** @param args settings, such as `--maxmemory 2mb` as two of them */
  static async start(args: readonly string[] = []): Promise<TestRedis> {
    const redis = new TestRedis(await freePort(), args);
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get folder(): string {
    return this.#folder;
  }

  async start(): Promise<void> {
    const program = findProgram('redis-server') ?? 'redis-server';
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''];
    this.#child = spawn(program, [...own, ...this.#args], { stdio: 'ignore' });
    await until('Redis to answer', () => answers(this.port));
  }

  /** Runs a command, and answers with what redis-cli prints. */
  async command(...words: string[]): Promise<string> {
    const { stdout } = await run('redis-cli', ['-p', String(this.port), ...words], {
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trim();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    removeFolder(this.#folder);
  }
}

/** Three masters that share the slots. */
export async function startCluster(): Promise<TestRedis[]> {
  const nodes = await Promise.all(
    [1, 2, 3].map(() => TestRedis.start(['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'])),
  );
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await run('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes']);
  await until('the cluster to agree', async () => {
    const states = await Promise.all(nodes.map((node) => node.command('CLUSTER', 'INFO')));
    return states.every((state) => state.includes('cluster_state:ok'));
  });
  return nodes;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('error', () => {
      end(false);
    });
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      end(data.toString().startsWith('+PONG'));
    });
  });
}
