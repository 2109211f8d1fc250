import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

/** The client also runs in browsers, so it may use only what a browser has. */

const folder = new URL('../../src/client/', import.meta.url);
const entry = new URL('index.ts', folder);

/** Every file that the client consists of, and every import from outside its folder. */
function walk(file: URL, files = new Set<string>(), foreign = new Set<string>()) {
  if (files.has(file.href)) return { files, foreign };
  files.add(file.href);
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles) {
    const imported = new URL(fileName, file);
    if (fileName.startsWith('.') && imported.href.startsWith(folder.href)) walk(imported, files, foreign);
    else foreign.add(fileName);
  }
  return { files, foreign };
}

it('the client imports nothing but its own files', () => {
  const { files, foreign } = walk(entry);
  expect([...foreign]).toEqual([]);
  expect(files.size).toBeGreaterThan(5);
});

it('the client compiles with the globals of a browser and without those of Node.js', () => {
  const program = ts.createProgram([fileURLToPath(entry)], {
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
  });
  const messages = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  expect(messages).toEqual([]);
});
