/** A statement, prepared under its name. Statements with different texts have different names, and their number is bounded. */
export interface Statement {
  /** At most 63 characters, the bound of PostgreSQL. */
  readonly name: string;
  readonly text: string;
  /**
   * Hints for pg_hint_plan, such as `IndexScan(a accounts_pkey)`, by the aliases in the text. Hints do not know the parts of a
   * statement, so an alias means the same table in all of them.
   */
  readonly hints?: readonly string[] | undefined;
  /** `array`: each row is an array of its columns, which is cheaper for thousands of rows. */
  readonly rowMode?: 'array' | undefined;
}

/** A part of a statement, whose parameters are numbered from `$1`. */
export interface Part {
  readonly text: string;
  readonly values: readonly (string | null)[];
  readonly hints?: readonly string[];
}

/** The hints of a statement that consists of these parts. */
export function hintsOf(parts: readonly Part[]): string[] {
  return [...new Set(parts.flatMap(({ hints = [] }) => hints))];
}

/** A part that is only planned, not run. Its values are empty; only their number matters. */
export function planned(part: string | Omit<Part, 'values'>): Part {
  const { text, hints = [] } = typeof part === 'string' ? { text: part } : part;
  const parameters = new Set(text.match(/\$\d+/g));
  return { text, hints, values: Array.from(parameters, () => '') };
}

/** Renumbers the parameters of `text` to follow `offset` others. */
export function shiftParameters(text: string, offset: number): string {
  return offset === 0 ? text : text.replace(/\$(\d+)/g, (_, n: string) => `$${Number(n) + offset}`);
}
