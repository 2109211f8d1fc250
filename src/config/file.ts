import { readFileSync } from 'node:fs';
import path from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { PincexError } from '../errors.ts';

/** The values of a configuration file. */
export interface FileValues {
  /** The file's name as messages show it, or null without a file. */
  readonly name: string | null;
  /**
   * The values as written, by dotted path; undefined for a key without a value (`url:`). An empty section counts as a value.
   */
  readonly values: ReadonlyMap<string, unknown>;
}

/**
 * Reads `file`. Default: `pincex.yaml`, which may be missing.
 *
 * @throws PincexError `invalid_configuration` where the file cannot be read or is not YAML.
 */
export function readConfigFile(cwd: string, file: string | undefined): FileValues {
  const name = file ?? 'pincex.yaml';
  const text = readText(path.resolve(cwd, name), name, file === undefined);
  if (text === null) return { name: null, values: new Map() };

  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const mistake = document.errors[0];
  if (mistake) {
    const { line } = lines.linePos(mistake.pos[0]);
    throw new PincexError('invalid_configuration', `${name}, line ${line}: ${mistake.message}`, {
      cause: mistake,
    });
  }
  const root: unknown = document.toJS() ?? {};
  if (!isSection(root)) {
    throw new PincexError(
      'invalid_configuration',
      `${name} takes keys with values, such as "data_dir: .pincex".`,
    );
  }
  return { name, values: new Map(flatten(root, '')) };
}

function readText(absolute: string, name: string, mayBeMissing: boolean): string | null {
  try {
    return readFileSync(absolute, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && mayBeMissing) return null;
    throw new PincexError('invalid_configuration', `${name} cannot be read: ${message}`, { cause: error });
  }
}

function* flatten(section: Record<string, unknown>, prefix: string): Generator<[string, unknown]> {
  for (const [key, value] of Object.entries(section)) {
    if (isSection(value) && !isEmptySection(value)) yield* flatten(value, `${prefix}${key}.`);
    else yield [prefix + key, value ?? undefined];
  }
}

/** Whether a value is `{}`. It sets nothing, but the name of the section may be wrong. */
export const isEmptySection = (value: unknown): boolean =>
  isSection(value) && Object.keys(value).length === 0;

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
