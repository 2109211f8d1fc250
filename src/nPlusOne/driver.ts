import type { SentStatement } from './sql.ts';

/** A method of a pool or a client of the driver `pg`, whose arguments and answers this file reads. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

export interface Client {
  readonly query: Method;
  readonly release: Method;
}

export function isClient(value: unknown): value is Client {
  if (typeof value !== 'object' || value === null) return false;
  const { query, release } = value as Partial<Client>;
  return typeof query === 'function' && typeof release === 'function';
}

export const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** The statement of the arguments of `query`; `undefined` for a stream or a cursor, which sends itself. */
export function statementOf([first, second]: unknown[]): SentStatement | undefined {
  if (typeof first === 'string') return { text: first, values: Array.isArray(second) ? second : [] };
  if (typeof first !== 'object' || first === null || 'submit' in first) return undefined;
  const { text, values } = first as { readonly text?: unknown; readonly values?: unknown };
  if (typeof text !== 'string') return undefined;
  const given = values ?? second;
  return { text, values: Array.isArray(given) ? given : [] };
}

/** Whether one INSERT has written several rows: it is a batch, whatever form its values have. */
export function insertedSeveral(answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null) return false;
  const { command, rowCount } = answer as { readonly command?: unknown; readonly rowCount?: unknown };
  return command === 'INSERT' && typeof rowCount === 'number' && rowCount > 1;
}
