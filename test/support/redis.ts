import { spawn, type ChildProcess } from 'node:child_process';
import net from 'node:net';
import { createClient } from '@redis/client';
import { freePort } from '../../src/embedded/system/port.ts';
import { makeFolder, removeFolder } from './folders.ts';
import { findProgram } from './programs.ts';
import { until } from './waiting.ts';

/** The reason why tests with Redis are skipped, or null if they run. */
export const NO_REDIS = findProgram('redis-server') === null ? 'redis-server is not installed' : null;

/** A real Redis server that belongs to one test. */
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

  /** @param args settings, such as `--maxmemory` and `2mb` */
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
    const child = spawn(program, [...own, ...this.#args], { stdio: 'ignore' });
    this.#child = child;
    await until('Redis to answer', () => {
      if (child.exitCode !== null) throw new Error(`Redis ended with ${child.exitCode}`);
      return answers(this.port);
    });
  }

  /** Runs a command and returns its reply as a text. */
  async command(...words: string[]): Promise<string> {
    const client = createClient({ url: this.url });
    await client.connect();
    try {
      return String(await client.sendCommand<string | number>(words));
    } finally {
      client.destroy();
    }
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

/** The number of slots of a cluster. */
const SLOTS = 16_384;

/** Starts three masters that share the slots. */
export async function startCluster(): Promise<TestRedis[]> {
  // A node joins only after this time-out, so a short one starts the cluster quickly.
  const quick = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '500'];
  const nodes = await Promise.all([1, 2, 3].map(() => TestRedis.start(quick)));
  const firstOf = (node: number): number => Math.floor((node * SLOTS) / nodes.length);
  for (const [n, node] of nodes.entries()) {
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(n + 1));
    await node.command('CLUSTER', 'ADDSLOTSRANGE', String(firstOf(n)), String(firstOf(n + 1) - 1));
    for (const { port } of nodes.slice(0, n))
      await node.command('CLUSTER', 'MEET', '127.0.0.1', String(port));
  }
  await until('the cluster to agree', async () => {
    const states = await Promise.all(nodes.map((node) => node.command('CLUSTER', 'INFO')));
    return states.every((state) => state.includes('cluster_state:ok') && state.includes('cluster_size:3'));
  });
  // A long time-out from here on keeps a busy machine from failing a node over.
  await Promise.all(nodes.map((node) => node.command('CONFIG', 'SET', 'cluster-node-timeout', '600000')));
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
