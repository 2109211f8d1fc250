import { expect, it } from 'vitest';
import { limits } from '../../src/limits.ts';
import { isLong } from '../support/books.ts';
import { startNode, typescript } from '../support/processes.ts';

/** The whole number takes 8 s on a quiet machine. */
const OPERATIONS = isLong ? 10_000_000 : 1_000_000;

/** Two bytes for each operation of the hour between the two looks at the memory would be more, also with the fewer operations. */
const MOST_BYTES = 500_000;

it(`the memory of a monitor is flat under ${OPERATIONS.toLocaleString('en-US')} operations of 10,000 names`, async () => {
  const program = ['--expose-gc', ...typescript, 'test/monitor/memory.ts', String(OPERATIONS)];
  const { stdout, stderr } = await startNode(program).ended;
  expect(stderr).toBe('');
  const { counted, names, after, end } = JSON.parse(stdout) as Record<string, number>;
  expect({ counted, names }).toEqual({ counted: OPERATIONS, names: limits.monitor.names + 1 });
  expect(end! - after!).toBeLessThan(MOST_BYTES);
});
