import type { Statement } from '../statement.ts';

/** Settings of PostgreSQL by their names. */
export type Settings = Readonly<Record<string, string>>;

/** A way to pin the plans of statements to index scans by key. */
export interface Hints {
  /** The settings that apply while a statement is planned. */
  readonly settings: Settings;
  /** The text of a statement as it is sent. */
  textOf(statement: Statement): string;
}

/**
 * A batch finds its rows by key, so a nested loop over the primary key is right for 1 item and for 5,000. The planner does not
 * know that: it does not know the size of an `unnest`, and takes a fresh table for an empty one. It may hash-join a table of
 * millions, or keep a plan that it made while the table was empty. These settings make one generic plan.
 */
const ONE_PLAN = { plan_cache_mode: 'force_generic_plan', jit: 'off' };

/** Leaves the planner only index scans; it finds the right index by itself. */
const BY_INDEX = {
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  // Each key comes once, so a cached result would never be used again.
  enable_memoize: 'off',
};

export const noHints: Hints = { settings: {}, textOf: ({ text }) => text };

export const settingHints: Hints = { settings: { ...ONE_PLAN, ...BY_INDEX }, textOf: ({ text }) => text };

/**
 * pg_hint_plan reads the first comment of a statement. A hint cannot say when a plan is made, so the settings of `ONE_PLAN`
 * stay. The other choices are hints by table alias, and statements of others are planned as usual.
 */
export const commentHints: Hints = {
  settings: ONE_PLAN,
  textOf: ({ text, hints = [] }) => (hints.length === 0 ? text : `/*+ ${hints.join(' ')} */ ${text}`),
};

/**
 * @param isWanted the setting `enable_query_hints`
 * @param hasHintPlan whether pg_hint_plan is loaded and enabled in the sessions of this server
 */
export function chooseHints(isWanted: boolean, hasHintPlan: boolean): Hints {
  if (!isWanted) return noHints;
  return hasHintPlan ? commentHints : settingHints;
}
