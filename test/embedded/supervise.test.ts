import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { prepareFiles } from '../../src/embedded/files.ts';
import { makeLifeline } from '../../src/embedded/processes/lifeline.ts';
import { supervise } from '../../src/embedded/processes/supervise.ts';
import { temporaryFolder } from '../support/folders.ts';

/** Enough for several programs to end before the shell that watches them has dropped its trap. */
const ROUNDS = 100;

it('a supervisor ends with its program, also if the program ends at once', async () => {
  const folder = temporaryFolder('supervise');
  const log = openSync(path.join(folder, 'log'), 'a');
  const lifeline = await makeLifeline(prepareFiles(folder));
  const codes: (number | null)[] = [];
  for (let round = 0; round < ROUNDS; round++)
    codes.push(await supervise({ prefix: [], ids: {} }, ['false'], log, lifeline).ended);
  expect(new Set(codes)).toEqual(new Set([1]));
  for (const descriptor of [log, lifeline.held, lifeline.reader, lifeline.users]) closeSync(descriptor);
});
