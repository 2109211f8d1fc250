import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 1_000;

/**
 * Identifies a process by its id and its start time, since process ids are reused.
 *
 * @returns null if no such process runs (a zombie does not run).
 */
export function identify(pid: number): string | null {
  const began = process.platform === 'linux' ? beganOnLinux(pid) : beganByPs(pid);
  return began === null ? null : `${pid}@${began}`;
}

/** Whether the very process that {@link identify} named still runs. */
export function isRunning(identity: string): boolean {
  const pid = pidOf(identity);
  return Number.isInteger(pid) && pid > 0 && identify(pid) === identity;
}

/**
 * Resolves once the process with that identity has ended, even if its id is reused. Waiting does not keep this process alive.
 */
export async function untilEnded(identity: string): Promise<void> {
  while (isRunning(identity)) await sleep(LOOK_EVERY_MS, undefined, { ref: false });
}

/** The process id in an identity. */
export function pidOf(identity: string): number {
  return Number(identity.split('@', 1)[0]);
}

/** The identity of this process. */
export function myself(): string {
  return identify(process.pid) ?? `${process.pid}@unknown`;
}

/** The command line of a process, its words joined by spaces; empty if it does not run. */
export function commandOf(pid: number): string {
  if (process.platform !== 'linux') return ps(pid, 'command');
  return readProc(pid, 'cmdline')?.replaceAll('\0', ' ') ?? '';
}

/** Field 22 of /proc/PID/stat: clock ticks from the boot to the start of the process. */
function beganOnLinux(pid: number): string | null {
  const stat = readProc(pid, 'stat');
  if (stat === null) return null;
  // The second field is the program's name in parentheses, which may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0] ?? 'X';
  return 'ZX'.includes(state) ? null : (fields[19] ?? null);
}

function beganByPs(pid: number): string | null {
  const [state, ...began] = ps(pid, 'stat,lstart').split(/\s+/);
  return !state || state.startsWith('Z') ? null : began.join('-');
}

function ps(pid: number, columns: string): string {
  const format = columns.split(',').flatMap((column) => ['-o', `${column}=`]);
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
  return spawnSync('ps', ['-ww', ...format, '-p', String(pid)], { encoding: 'utf8', env }).stdout.trim();
}

function readProc(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return null;
  }
}
