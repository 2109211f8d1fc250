import type { Statement } from './statement.ts';

/** Settings of PostgreSQL by their names. */
export type Settings = Readonly<Record<string, string>>;

/** How plans are pinned to what a batch knows: its rows by their keys. */
export interface Hints {
  /** The settings while a statement is planned. */
  readonly settings: Settings;
  /** A statement as it is sent. */
  textOf(statement: Statement): string;
}

/**
 * A batch knows its rows by their keys, so a nested loop over the primary key is right at 1 item and at 5,000.
 * The planner does not know that: it takes an `unnest` for any size, a fresh table for an empty one, and may
 * hash-join a table of millions or keep the plan it made while a table was empty. One plan for all, by index.
 */
const ONE_PLAN = { plan_cache_mode: 'force_generic_plan', jit: 'off' };

/** Leaves the planner nothing but the indexes; it finds the right one by itself. */
const BY_INDEX = {
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  // Each key comes once: what was found for one is never asked for again.
  enable_memoize: 'off',
};

export const noHints: Hints = { settings: {}, textOf: ({ text }) => text };

export const settingHints: Hints = { settings: { ...ONE_PLAN, ...BY_INDEX }, textOf: ({ text }) => text };

/**
 * pg_hint_plan reads the first comment of a statement. When a plan is made is not for a hint to say, so those
 * settings stay; the rest is said of each table by its alias, and statements of others are planned as ever.
 */
export const commentHints: Hints = {
  settings: ONE_PLAN,
  textOf: ({ text, hints = [] }) => (hints.length === 0 ? text : `/*+ ${hints.join(' ')} */ ${text}`),
};

/**
 * @param isWanted what `enable_query_hints` says
 * @param hasHintPlan whether pg_hint_plan listens in the sessions of this server
 */
export function chooseHints(isWanted: boolean, hasHintPlan: boolean): Hints {
  if (!isWanted) return noHints;
  return hasHintPlan ? commentHints : settingHints;
}
