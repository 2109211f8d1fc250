import { vi } from 'vitest';
import { asksForJson, pincexProgram } from '../../src/cli/program.ts';
import { reportError } from '../../src/cli/session.ts';
import { temporaryFolder } from './folders.ts';
import { cleanEnvironment, type Ended, type RunOptions } from './processes.ts';

/** Thrown in place of `process.exit`. */
class Exit extends Error {}

/**
 * Runs the command line to its end in this process, in a folder without a configuration unless the caller names one.
 * Only one call may run at a time, since the folder, the environment and the output belong to the process.
 */
export async function pincexCli(
  args: readonly string[],
  { env = {}, cwd = temporaryFolder('cli') }: RunOptions = {},
): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  const before = { env: process.env, cwd: process.cwd(), exitCode: process.exitCode };
  const spies = [
    ...(['stdout', 'stderr'] as const).map((name) =>
      vi.spyOn(process[name], 'write').mockImplementation((text) => {
        said[name] += String(text);
        return true;
      }),
    ),
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      process.exitCode = code ?? process.exitCode;
      throw new Exit();
    }),
  ];
  process.env = { ...cleanEnvironment(), ...env };
  process.chdir(cwd);
  process.exitCode = 0;
  try {
    const json = asksForJson(args);
    await pincexProgram(json)
      .parseAsync(args, { from: 'user' })
      .catch((error: unknown) => {
        if (!(error instanceof Exit)) reportError(error, json);
      });
    return { exitCode: process.exitCode, ...said };
  } finally {
    process.exitCode = before.exitCode;
    process.chdir(before.cwd);
    process.env = before.env;
    for (const spy of spies) spy.mockRestore();
  }
}
