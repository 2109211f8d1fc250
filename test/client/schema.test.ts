import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { generateSchema } from '../../scripts/generateClient.ts';

it('src/client/schema.ts is what the routes generate', async () => {
  const file = await readFile(new URL('../../src/client/schema.ts', import.meta.url), 'utf8');
  const isSame = file === (await generateSchema());
  expect(isSame, 'src/client/schema.ts is not what the routes say: run npm run generate').toBe(true);
});
