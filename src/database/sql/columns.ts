import { plainArray, textArray } from './arrays.ts';
import { momentText, type Moment } from './moment.ts';

/**
 * The parameters of statements. The columns of a table are declared once, each with its type and a function that gives its
 * value for a row. The lists of names, the casts, the numbers of the parameters and their values come from these
 * declarations; the SQL around them is written out with {@link sql}.
 */

/** A column, with a function that gives its values for rows of `Row`. */
export interface Column<Row> {
  /** Its type in PostgreSQL. */
  readonly type: string;
  /** The values of all rows, as one array literal. */
  readonly arrayOf: (rows: readonly Row[]) => string;
}

/** Columns by their names. */
export type Columns<Row> = Readonly<Record<string, Column<Row>>>;

type Value<Row, Kind> = (row: Row) => Kind;

export const text = <Row>(of: Value<Row, string | null>): Column<Row> => quoted('text', of);
export const json = <Row>(of: Value<Row, string | null>): Column<Row> => quoted('json', of);
export const tid = <Row>(of: Value<Row, string>): Column<Row> => quoted('tid', of);
/** A time as ISO 8601. */
export const time = <Row>(of: Value<Row, string | null>): Column<Row> => quoted('timestamptz', of);
export const moment = <Row>(of: Value<Row, Moment>): Column<Row> =>
  plain('timestamptz', (row) => momentText(of(row)));
/** A decimal string. */
export const numeric = <Row>(of: Value<Row, string | null>): Column<Row> => plain('numeric', of);
export const bigint = <Row>(of: Value<Row, number>): Column<Row> => plain('bigint', of);
export const boolean = <Row>(of: Value<Row, boolean>): Column<Row> => plain('boolean', of);

function quoted<Row>(type: string, of: Value<Row, string | null>): Column<Row> {
  return { type, arrayOf: (rows) => textArray(rows.map(of)) };
}

function plain<Row>(type: string, of: Value<Row, string | number | boolean | null>): Column<Row> {
  return { type, arrayOf: (rows) => plainArray(rows.map(of)) };
}

/** Columns of a row that is a property of another one. Copying each row would cost more than making the arrays. */
export function within<Outer, Inner>(
  columns: Columns<Inner>,
  innerOf: (outer: Outer) => Inner,
): Columns<Outer> {
  const entries = Object.entries(columns).map(([name, { type, arrayOf }]) => {
    const column: Column<Outer> = { type, arrayOf: (rows) => arrayOf(rows.map(innerOf)) };
    return [name, column] as const;
  });
  return Object.fromEntries(entries);
}

/** A parameter of a statement: its type, and a function that gives its value for the input of the statement. */
export interface Parameter<Given> {
  readonly type: string;
  readonly valueOf: (given: Given) => string | null;
}

/** Rows for a FROM clause: one array parameter for each column. */
export interface RowSource<Given> {
  readonly parameters: readonly Parameter<Given>[];
  /** The alias clause after `unnest(…)`. */
  readonly as: string;
}

/**
 * `unnest($1::text[], …) AS new (user_id, …)`
 *
 * @param rowsOf finds the rows in the input of the statement
 */
export function rows<Row, Given>(
  columns: Columns<Row>,
  rowsOf: (given: Given) => readonly Row[],
  alias = 'new',
): RowSource<Given> {
  return { parameters: arraysOf(columns, rowsOf), as: `AS ${alias} (${names(columns)})` };
}

/** `unnest($1::text[], …) WITH ORDINALITY AS k (user_id, …, n)`: keys with their ordinality, counted from 1. */
export function keys<Key>(columns: Columns<Key>): RowSource<readonly Key[]> {
  return {
    parameters: arraysOf(columns, (given) => given),
    as: `WITH ORDINALITY AS k (${names(columns)}, n)`,
  };
}

function arraysOf<Row, Given>(
  columns: Columns<Row>,
  rowsOf: (given: Given) => readonly Row[],
): Parameter<Given>[] {
  return Object.values(columns).map(({ type, arrayOf }) => ({
    type: `${type}[]`,
    valueOf: (given) => arrayOf(rowsOf(given)),
  }));
}

/** The text of a statement, with a function that gives the values of its parameters. */
export interface Template<Given> {
  readonly text: string;
  readonly valuesOf: (given: Given) => (string | null)[];
}

/** Makes a statement from SQL with inline parameters: each is replaced by its number and its cast. */
export function sql<Given>(
  texts: TemplateStringsArray,
  ...pieces: (string | Parameter<Given> | RowSource<Given>)[]
): Template<Given> {
  const parameters: Parameter<Given>[] = [];
  const numbered = (parameter: Parameter<Given>): string => {
    if (!parameters.includes(parameter)) parameters.push(parameter);
    return `$${parameters.indexOf(parameter) + 1}::${parameter.type}`;
  };
  const written = pieces.map((piece) => {
    if (typeof piece === 'string') return piece;
    if ('valueOf' in piece && 'type' in piece) return numbered(piece);
    const parts = [`unnest(${inLines(piece.parameters.map(numbered))})`, piece.as];
    return parts.join(parts.join().length > WIDTH ? '\n    ' : ' ');
  });
  return {
    text: String.raw({ raw: texts }, ...written),
    valuesOf: (given) => parameters.map(({ valueOf }) => valueOf(given)),
  };
}

/** `user_id, id, …` */
export const names = (columns: Columns<never>): string => inLines(Object.keys(columns));

/** `status = new.status, …` */
export const assignments = (columns: Columns<never>): string =>
  inLines(Object.keys(columns).map((name) => `${name} = new.${name}`));

const WIDTH = 90;

/** A comma-separated list, broken into lines of readable width. */
export function inLines(items: readonly string[]): string {
  const lines: string[] = [];
  for (const item of items) {
    const last = lines.at(-1);
    if (last === undefined || last.length + item.length > WIDTH) lines.push(item);
    else lines[lines.length - 1] = `${last}, ${item}`;
  }
  return lines.join(',\n    ');
}
