import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Every file of this package that a file imports, directly or through others. Imports of types are left out. */
function reachableFrom(file: URL, reached = new Set<string>()): Set<string> {
  if (reached.has(file.href)) return reached;
  reached.add(file.href);
  const source = readFileSync(file, 'utf8');
  for (const [, clause = '', specifier = ''] of source.matchAll(
    /^(?:import|export)\s([^;]*?)from '(\.[^']*)';/gm,
  )) {
    if (!clause.startsWith('type ')) reachableFrom(new URL(specifier, file), reached);
  }
  return reached;
}

test('no code that decides about money can call a cache', () => {
  const engine = new URL('../../src/engine/engine.ts', import.meta.url);
  const reached = [...reachableFrom(engine)].map((file) => fileURLToPath(file));
  expect(reached.filter((file) => file.includes('/engine/')).length).toBeGreaterThan(5);
  expect(reached.filter((file) => file.includes('/books/')).length).toBeGreaterThan(2);
  expect(reached.filter((file) => /\/(repository|reads)\//.test(file))).toEqual([]);
});
