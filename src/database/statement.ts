/** A statement as it is prepared: its name is unique for its text, and there are only so many of them. */
export interface Statement {
  /** At most 63 characters: PostgreSQL's bound on names. */
  readonly name: string;
  readonly text: string;
  /**
   * How pg_hint_plan is to plan it, where a server has that: each names the aliases that the text uses, such as
   * `IndexScan(a accounts_pkey)`. An alias means one table in all parts of a statement, since hints see no parts.
   */
  readonly hints?: readonly string[] | undefined;
  /** `array`: rows come as arrays of their columns, which is cheaper where there are thousands. */
  readonly rowMode?: 'array' | undefined;
}

/** A statement in parts, or a part of one, with its own parameters from `$1` on. */
export interface Part {
  readonly text: string;
  readonly values: readonly (string | null)[];
  readonly hints?: readonly string[];
}

/** The hints of a statement that is made of these parts. */
export function hintsOf(parts: readonly Part[]): string[] {
  return [...new Set(parts.flatMap(({ hints = [] }) => hints))];
}

/** A part that is planned and not run: how many parameters it has is all that its values say. */
export function planned(part: string | Omit<Part, 'values'>): Part {
  const { text, hints = [] } = typeof part === 'string' ? { text: part } : part;
  const parameters = new Set(text.match(/\$\d+/g));
  return { text, hints, values: Array.from(parameters, () => '') };
}

/** Moves the parameters of `text` up, behind `offset` others. */
export function shiftParameters(text: string, offset: number): string {
  return offset === 0 ? text : text.replace(/\$(\d+)/g, (_, n: string) => `$${Number(n) + offset}`);
}
