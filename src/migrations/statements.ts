/** A statement of an SQL file. */
export interface Statement {
  /** Without the semicolon, and without the comments before it. */
  readonly text: string;
  /** The line of the file that it begins on, from 1. */
  readonly line: number;
}

/**
 * The parts of a statement that must not be split: comments, strings, quoted names and dollar quotes. Nested comments and
 * bodies in `BEGIN ATOMIC … END` are not supported; migrations do not use them.
 */
const TOKEN =
  /(?<blank>\s+|--[^\n]*|\/\*[^]*?\*\/)|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?<tag>(?:[A-Za-z_]\w*)?)\$[^]*?\$\k<tag>\$|(?<end>;)|\w+|[^]/gs;

/** Splits an SQL file into its statements. */
export function splitStatements(sql: string): Statement[] {
  const statements: Statement[] = [];
  let start = -1;
  const push = (end: number) => {
    if (start < 0) return;
    statements.push({ text: sql.slice(start, end).trimEnd(), line: sql.slice(0, start).split('\n').length });
    start = -1;
  };
  for (const { groups, index } of sql.matchAll(TOKEN)) {
    if (groups?.['end']) push(index);
    else if (groups?.['blank'] === undefined && start < 0) start = index;
  }
  push(sql.length);
  return statements;
}
