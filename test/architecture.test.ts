import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const levels = /```levels\n(.*?)```/s
  .exec(readFileSync('docs/architecture.md', 'utf8'))![1]!
  .trim()
  .split('\n')
  .map((line) => line.split(' '));

/** The line of a folder of `src`, or of a file beside the folders. */
const levelOf = (folder: string): number => levels.findIndex((line) => line.includes(folder));

/** The folder of a file: `engine` for `src/engine/load.ts`, `pincex.ts` for `src/pincex.ts`. */
const folderOf = (file: string): string => file.split(sep)[1]!;

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join('src', file));

describe('the levels of imports in docs/architecture.md', () => {
  test('the levels name every folder of src, and nothing else', () => {
    const folders = [...new Set(files.map(folderOf))];
    expect(levels.flat().toSorted()).toEqual(folders.toSorted());
  });

  test('every import between folders leads to a lower level', () => {
    const imports = files.flatMap((file) =>
      ts
        .preProcessFile(readFileSync(file, 'utf8'))
        .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
        .map(({ fileName }) => ({ file, imported: join(dirname(file), fileName) })),
    );
    const wrong = imports.filter(({ file, imported }) => {
      const [from, to] = [folderOf(file), folderOf(imported)];
      return from !== to && levelOf(to) <= levelOf(from);
    });
    expect(imports.length).toBeGreaterThan(files.length);
    expect(wrong.map(({ file, imported }) => `${file} imports ${imported}`)).toEqual([]);
  });
});
