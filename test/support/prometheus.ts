import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../src/embedded/system/port.ts';
import { makeFolder, removeFolder } from './folders.ts';
import { findProgram } from './programs.ts';
import { until } from './waiting.ts';

/** Whether Prometheus and promtool are installed; their tests are skipped otherwise. */
export const hasPrometheus = ['prometheus', 'promtool'].every((program) => findProgram(program) !== null);

/** Runs promtool, and returns what it printed. It fails if promtool finds anything. */
export async function promtool(...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(findProgram('promtool') ?? 'promtool', args);
  return stdout + stderr;
}

/** What promtool finds in metrics as text: the lines of its complaints. */
export async function lintMetrics(text: string): Promise<string[]> {
  const child = execFile(findProgram('promtool') ?? 'promtool', ['check', 'metrics']);
  let said = '';
  child.stderr?.on('data', (piece: string) => (said += piece));
  child.stdin?.end(text);
  await once(child, 'close');
  return said.split('\n').filter((line) => line !== '');
}

/** A real Prometheus that belongs to one test. */
export class TestPrometheus {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #url: string;

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.#url = url;
  }

  /** @param config as in `prometheus.yml`; JSON is YAML too */
  static async start(config: object): Promise<TestPrometheus> {
    const folder = makeFolder('prometheus');
    const file = path.join(folder, 'prometheus.yml');
    writeFileSync(file, JSON.stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${path.join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ];
    const child = spawn(findProgram('prometheus') ?? 'prometheus', args, {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const prometheus = new TestPrometheus(child, folder, `http://${address}`);
    const isReady = () =>
      fetch(`http://${address}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until('Prometheus to be ready', () => {
      if (child.exitCode !== null) throw new Error(`Prometheus ended: ${said}`);
      return isReady();
    }).catch(async (error: unknown) => {
      await prometheus.stop();
      throw error;
    });
    return prometheus;
  }

  /** The `data` of an answer of the API, such as that of `query?query=up`. */
  async ask<Data>(call: string): Promise<Data> {
    const response = await fetch(`${this.#url}/api/v1/${call}`);
    const answer = (await response.json()) as { readonly data?: Data; readonly error?: string };
    if (answer.data === undefined) throw new Error(`${call}: ${answer.error ?? response.status}`);
    return answer.data;
  }

  /** The value of each series that an expression gives now. */
  async query(expression: string): Promise<number[]> {
    const call = `query?${new URLSearchParams({ query: expression }).toString()}`;
    const { result } = await this.ask<{ result: { value: [number, string] }[] }>(call);
    return result.map(({ value: [, value] }) => Number(value));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    removeFolder(this.#folder);
  }
}
