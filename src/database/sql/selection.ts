import { inLines, type Columns } from './columns.ts';

/** The indexes of columns in a row that is an array, by their names. */
export type Places<Names> = { readonly [Name in keyof Names]: number };

/**
 * The select list of a statement, with the index of each expression in the rows that it returns, so that readers of such rows
 * use names instead of counting columns.
 *
 * @param groups expressions by their names, which are unique within a group
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

/** Expressions that carry columns through JSON without loss: all are cast to text except texts and booleans. */
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
