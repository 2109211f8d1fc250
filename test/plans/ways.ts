import pg from 'pg';
import { RecordingDatabase } from '../../src/bench/day/recording.ts';
import type { DatabaseOptions } from '../../src/database/database.ts';
import { commentHints, settingHints, type Hints } from '../../src/database/sql/hints.ts';
import { withClient } from '../../src/database/client.ts';
import { configOf } from '../support/books.ts';

/** A way to pin plans. */
export interface Way {
  readonly by: string;
  readonly hints: Hints;
  /** Options of a connection with which the pool chooses this way. */
  readonly options: string;
}

/** pg_hint_plan is switched off where a server has it, so that the pool falls back to settings. */
export const BY_SETTINGS: Way = {
  by: 'settings',
  hints: settingHints,
  options: '-c pg_hint_plan.enable_hint=off',
};
export const BY_HINTS: Way = {
  by: 'pg_hint_plan',
  hints: commentHints,
  options: '-c pg_hint_plan.enable_hint=on',
};

export async function hasHintPlan(url: string): Promise<boolean> {
  return withClient(url, async (client) => {
    const { rowCount } = await client.query(
      `SELECT FROM pg_settings WHERE name = 'pg_hint_plan.enable_hint'`,
    );
    return rowCount === 1;
  });
}

/** The settings that the pool itself made on a connection, as `name=value`. */
export async function settingsOf(way: Way, url: string): Promise<readonly string[]> {
  const database = new RecordingDatabase(optionsOf(way, url));
  try {
    const settings = await database.query<{ setting: string }>({
      name: 'settings',
      text: `SELECT name || '=' || setting AS setting FROM pg_settings WHERE source = 'client' AND name !~ '^(application|client|statement)'`,
    });
    return settings.map(({ setting }) => setting);
  } finally {
    await database.close();
  }
}

/** A connection with the settings of the pool. The caller ends it. */
export async function connectAsThePool(way: Way, url: string): Promise<pg.Client> {
  const settings = await settingsOf(way, url);
  const client = new pg.Client({ connectionString: optionsOf(way, url).url });
  await client.connect();
  for (const setting of settings) {
    const [name, value] = setting.split('=') as [string, string];
    await client.query('SELECT set_config($1, $2, false)', [name, value]);
  }
  return client;
}

function optionsOf(way: Way, url: string): DatabaseOptions {
  const withOptions = new URL(url);
  withOptions.searchParams.set('options', way.options);
  return { url: withOptions.href, ...configOf(url).database.pool, max: 1, queryHints: true };
}
