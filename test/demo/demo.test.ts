import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../replay/support.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

function start(cwd: string) {
  const child = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), main, 'demo', '--events', '3000'],
    {
      cwd,
      // A demo is on its own server, whatever else is configured.
      env: { PATH: process.env['PATH'], DATABASE_URL: 'postgres://127.0.0.1:1/nowhere' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (said.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (said.stderr += text.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }));
  return { child, said, ended };
}

async function untilSaid(
  stream: NodeJS.ReadableStream,
  said: { stdout: string },
  text: string,
): Promise<void> {
  while (!said.stdout.includes(text)) await once(stream, 'data');
}

test('the demo runs from nothing, again over what a killed one left, and not twice at once', async () => {
  const folder = temporaryFolder();
  const killed = start(folder);
  await untilSaid(killed.child.stdout, killed.said, 'A day of an exchange');
  killed.child.kill('SIGKILL');
  await killed.ended;

  const demo = start(folder);
  await untilSaid(demo.child.stdout, demo.said, 'A day of an exchange');
  const second = await start(folder).ended;
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(/Another demo runs in .*\.pincex.demo/);

  const { code, stdout, stderr } = await demo.ended;
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toMatch(/3000 events\n {2}\d+ orders placed/);
  expect(stdout).toMatch(/lock 50 funds .* x\n/);
  expect(stdout).toContain('ok      The journal of each account counts 1, 2, 3');
  expect(stdout).not.toContain('had been done before');
  expect(existsSync(path.join(folder, '.pincex', 'demo', 'postgres', 'postmaster.pid'))).toBe(false);
}, 120_000);
