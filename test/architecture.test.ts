import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const architecture = readFileSync('docs/architecture.md', 'utf8');

describe.each([
  { root: 'src', block: 'levels' },
  { root: join('src', 'http'), block: 'levels http' },
])('the allowed directions of imports in $root', ({ root, block }) => {
  const levels = architecture
    .split(`\`\`\`${block}\n`)[1]!
    .split('\n```')[0]!
    .split('\n')
    .map((line) => line.split(' '));

  /** Line of a folder of the root, or of a file that lies beside its folders. */
  const levelOf = (folder: string): number => levels.findIndex((line) => line.includes(folder));

  /** Folder of a file: `engine` of `src/engine/load.ts`, `pincex.ts` of `src/pincex.ts`. */
  const folderOf = (file: string): string => relative(root, file).split(sep)[0]!;

  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(root, file));

  test('docs/architecture.md names every folder, and nothing else', () => {
    const folders = [...new Set(files.map(folderOf))];
    expect(levels.flat().toSorted()).toEqual(folders.toSorted());
  });

  test('every import goes from a folder to one that stands below it', () => {
    const imports = files.flatMap((file) =>
      ts
        .preProcessFile(readFileSync(file, 'utf8'))
        .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
        .map(({ fileName }) => ({ file, imported: join(dirname(file), fileName) }))
        .filter(({ imported }) => !relative(root, imported).startsWith('..')),
    );
    const wrong = imports.filter(({ file, imported }) => {
      const [from, to] = [folderOf(file), folderOf(imported)];
      return from !== to && levelOf(to) <= levelOf(from);
    });
    expect(imports.length).toBeGreaterThan(files.length);
    expect(wrong.map(({ file, imported }) => `${file} imports ${imported}`)).toEqual([]);
  });
});
