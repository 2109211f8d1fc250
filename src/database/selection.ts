import { inLines, type Columns } from './columns.ts';

/** The places of columns in a row that comes as an array, by their names. */
export type Places<Names> = { readonly [Name in keyof Names]: number };

/**
 * What a statement answers, as SQL and by places: whoever reads such a row names its columns and counts none.
 *
 * @param groups expressions by their names; names are unique within a group
 */
export function selection<Groups extends Record<string, Readonly<Record<string, string>>>>(
  groups: Groups,
): { readonly list: string; readonly at: { readonly [Group in keyof Groups]: Places<Groups[Group]> } } {
  const expressions: string[] = [];
  const at = Object.entries(groups).map(([group, columns]) => [
    group,
    Object.fromEntries(
      Object.entries(columns).map(([name, expression]) => [name, expressions.push(expression) - 1]),
    ),
  ]);
  return { list: inLines(expressions), at: Object.fromEntries(at) as never };
}

/** Columns of a table as JSON takes them without loss: as text, but for what is a text or a boolean. */
export function inJson<Named extends Columns<never>>(
  alias: string,
  columns: Named,
): Readonly<Record<keyof Named, string>> {
  const expressions = Object.entries(columns).map(([name, { type }]) => {
    const isLossless = type === 'text' || type === 'boolean';
    return [name, `${alias}.${name}${isLossless ? '' : '::text'}`];
  });
  return Object.fromEntries(expressions) as Record<keyof Named, string>;
}
