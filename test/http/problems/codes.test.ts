import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { PincexError, type ErrorCode } from '../../../src/errors.ts';
import { problemKinds, type ProblemKind } from '../../../src/http/problems/codes.ts';

const kinds = Object.entries<ProblemKind>(problemKinds);

it('the catalogue of codes stands in docs/http.md: a row for each code, and no other', async () => {
  const text = await readFile(new URL('../../../docs/http.md', import.meta.url), 'utf8');
  const [, table = ''] = text.split('| status | code | retryable | means |\n| --- | --- | --- | --- |\n');
  const rows = kinds.map(
    ([code, { status, retryable, meaning }]) =>
      `| ${status} | \`${code}\` | ${retryable ? 'yes' : 'no'} | ${meaning} |`,
  );
  expect(table.slice(0, table.indexOf('\n\n')).split('\n')).toEqual(rows);
});

it('a code that the library has too is retryable where the library says so', async () => {
  const text = await readFile(new URL('../../../docs/results-and-errors.md', import.meta.url), 'utf8');
  const [, table = ''] = text.split('## Why a whole call fails');
  const ofLibrary = kinds.filter(([code]) => table.includes(`\n| \`${code}\` |`));
  expect(ofLibrary.length).toBeGreaterThan(10);
  for (const [code, { retryable }] of ofLibrary) {
    expect(new PincexError(code as ErrorCode, '').retryable, code).toBe(retryable);
    expect(table).toContain(`\n| \`${code}\` | ${retryable ? 'yes' : 'no'} |`);
  }
});
