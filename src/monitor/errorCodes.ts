const LONGEST = 64;
const WELL_FORMED = /^[\w.-]+$/;

/** Code by which an error is counted: its `code`, or its name. Both may come from anywhere, so their form is checked. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown';
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  return [code, name].find(isCode) ?? 'unknown';
}

const isCode = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= LONGEST && WELL_FORMED.test(value);
