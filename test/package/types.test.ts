import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { usePacked } from './packed.ts';
import { surfaceOf, type Member } from './surface.ts';

/** The types of the package as it is published, with nothing else installed beside it. */

const packed = usePacked({ dependencies: false });
const root = fileURLToPath(new URL('../../', import.meta.url));

const COMPILERS = {
  '5.4': 'node_modules/typescript-5.4/node_modules',
  '6.0': 'node_modules',
  '7.0': 'node_modules/typescript-7/node_modules',
};
const STRICT = {
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  noEmit: true,
  target: 'es2022',
  lib: ['es2022'],
};
const COMPILED = { exitCode: 0, said: '' };
const RESOLUTIONS = {
  node16: { module: 'node16', moduleResolution: 'node16' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};
it.each(
  Object.keys(COMPILERS).flatMap((version) =>
    Object.entries(RESOLUTIONS).map(([name, options]) => [version, name, options] as const),
  ),
)(
  'a strict program compiles with TypeScript %s and the module resolution %s',
  async (version, name, options) => {
    expect(await compile(version as keyof typeof COMPILERS, name, options)).toEqual(COMPILED);
  },
);

it('a strict program compiles with the globals of a browser', async () => {
  const browser = { ...RESOLUTIONS.bundler, lib: ['es2022', 'dom'] };
  expect(await compile('7.0', 'browser', browser)).toEqual(COMPILED);
});

it('the examples of the TSDoc, at least twenty, compile', async () => {
  const files = await readdir(path.join(packed.package, 'dist'), { recursive: true });
  const types = files.filter((file) => file.endsWith('.d.ts'));
  const texts = await Promise.all(
    types.map((file) => readFile(path.join(packed.package, 'dist', file), 'utf8')),
  );
  const examples = texts.flatMap(examplesIn);
  expect(examples.length).toBeGreaterThanOrEqual(20);
  const program = [
    "import { PerformanceMonitor, Pincex, startService } from 'pincex';",
    "import { PincexClient } from 'pincex/client';",
    "import { detectNPlusOne, expectNoNPlusOne, watchPool } from 'pincex/n-plus-one';",
    'declare const pincex: Pincex;',
    'declare const client: PincexClient;',
    'declare const console: Record<"log" | "error", (...values: unknown[]) => void>;',
    'const { bookkeeper, trading, lookup, catalog, apiKeys } = pincex;',
    ...examples.map((example, n) => `export async function example${n}() {\n${example}\n}`),
  ].join('\n');
  expect(await compile('6.0', 'examples', RESOLUTIONS.nodenext, program)).toEqual(COMPILED);
});

/** The programs of all `@example` tags in a file of types. */
const examplesIn = (text: string): string[] =>
  [...text.matchAll(/\* @example\n *\* ```ts\n([^]*?) *\* ```\n/g)].map(([, lines = '']) =>
    lines.replaceAll(/^ *\* ?/gm, ''),
  );

/** Compiles a program in a folder of its own beside the package; returns what the compiler said. */
async function compile(
  version: keyof typeof COMPILERS,
  name: string,
  options: object,
  program?: string,
): Promise<{ readonly exitCode: number; readonly said: string }> {
  const typescript = path.join(root, COMPILERS[version], 'typescript');
  const manifest = await readFile(path.join(typescript, 'package.json'), 'utf8');
  expect(JSON.parse(manifest)).toMatchObject({ version: expect.stringMatching(`^${version}\\.`) as string });

  const folder = path.join(packed.folder, `${version} ${name}`);
  await mkdir(folder);
  const source = program ?? (await readFile(path.join(root, 'test/package/program.ts'), 'utf8'));
  await writeFile(path.join(folder, 'program.ts'), source);
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }');
  const config = { compilerOptions: { ...STRICT, ...options }, files: ['program.ts'] };
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = spawn(process.execPath, [path.join(typescript, 'bin/tsc'), '-p', folder]);
  const said = text(compiler.stdout);
  const [exitCode] = (await once(compiler, 'close')) as [number];
  return { exitCode, said: await said };
}

describe('the exports of the package', () => {
  let members: Member[];
  beforeAll(() => {
    members = ['index.d.ts', 'client/index.d.ts', 'nPlusOne/index.d.ts'].flatMap((file) =>
      surfaceOf(path.join(packed.package, 'dist', file)),
    );
    expect(members.length).toBeGreaterThan(200);
  });

  it('each optional field of the exports accepts undefined', () => {
    expect(
      members.filter(({ isOptional, takesUndefined }) => isOptional && !takesUndefined).map(named),
    ).toEqual([]);
  });

  it('each field of an answer has a TSDoc comment', () => {
    const fields = members.filter(({ owner }) => ANSWERS.includes(owner));
    expect(new Set(fields.map(({ owner }) => owner))).toEqual(new Set(ANSWERS));
    expect(fields.filter(({ comment }) => comment === '').map(named)).toEqual([]);
  });

  it('the exports leave out what only the service uses: the door to the engine, and what is written with a batch', () => {
    const names = members.map(named);
    expect(names).toContain('Pincex.execute');
    expect(names).toContain('BatchOptions.actor');
    const ours = ['Pincex.run', 'Pincex.session', 'Pincex.serverEnded', 'BatchOptions.markets'];
    expect(names.filter((name) => ours.includes(name) || name.endsWith('.writeWith'))).toEqual([]);
  });

  it('each method of the exports has a TSDoc comment', () => {
    expect(members.filter(({ isMethod, comment }) => isMethod && comment === '').map(named)).toEqual([]);
  });
});

/** The types of what calls answer with. */
const ANSWERS = [
  ...['AccountView', 'OrderView', 'TradeView', 'JournalEntryView', 'OrderBook', 'BookLevel', 'OpenOrders'],
  ...[
    'BatchResult',
    'BatchCounts',
    'ItemError',
    'Funds',
    'Currency',
    'Market',
    'Catalog',
    'ApiKey',
    'CreatedKey',
  ],
  ...['Swept', 'BrokenExpiry', 'AuditReport', 'AuditFinding', 'DoctorReport', 'DoctorFinding', 'Finding'],
  ...['Pincex', 'PincexTransaction', 'StatementRun', 'ReadRun', 'Service', 'Loop'],
];

const named = ({ owner, name }: Member): string => `${owner}.${name}`;
