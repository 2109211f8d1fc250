import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { startPincex, type Running } from '../support/processes.ts';
import { until } from '../support/waiting.ts';

function start(cwd: string): Running & { readonly said: () => string } {
  // The demo uses its own server, whatever else is configured.
  const env = { DATABASE_URL: 'postgres://127.0.0.1:1/nowhere' };
  const running = startPincex(['demo', '--events', '3000'], { cwd, env });
  let said = '';
  running.child.stdout!.on('data', (text: string) => (said += text));
  return { ...running, said: () => said };
}

const untilItTrades = ({ said }: ReturnType<typeof start>): Promise<void> =>
  until('the day to begin', () => said().includes('A day of an exchange'));

test('the demo runs in a new folder, runs again after it was killed, and refuses to run twice at once', async () => {
  const folder = temporaryFolder();
  const killed = start(folder);
  await untilItTrades(killed);
  killed.child.kill('SIGKILL');
  await killed.ended;

  const demo = start(folder);
  await untilItTrades(demo);
  const second = await start(folder).ended;
  expect(second.exitCode).toBe(1);
  expect(second.stderr).toMatch(/Another demo runs in .*\.pincex.demo/);

  const { exitCode, stdout, stderr } = await demo.ended;
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/3000 events\n {2}\d+ orders placed/);
  expect(stdout).toMatch(/lock 50 funds .* x\n/);
  expect(stdout).toContain('ok      The journal of each account counts 1, 2, 3');
  expect(stdout).not.toContain('had been done before');
  expect(existsSync(path.join(folder, '.pincex', 'demo', 'postgres', 'postmaster.pid'))).toBe(false);
});
