import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Recorded } from '../../src/bench/day/recording.ts';
import { withClient } from '../../src/database/client.ts';
import { commentHints } from '../../src/database/sql/hints.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { grow, leaveAlone } from './grow.ts';
import { firstOfEach, recordBatches } from './recorded.ts';
import { plansOf, prepare, strayScans, type Plans } from './scans.ts';
import { BY_HINTS, BY_SETTINGS, connectAsThePool, hasHintPlan, settingsOf, type Way } from './ways.ts';

/**
 * Batches find their rows by the primary keys, whenever a connection made its plans. The tables are filled once for all
 * tests, and plans are made before and after.
 */

const SIZES = [1, 50, 500, 5_000] as const;
const LARGEST = 5_000;
/** How many users have an account, and how many of them also have orders and holds. */
const USERS = 1_000_000;
const TRADERS = 50_000;

/** When a connection makes its plans, and how the tables have changed since. */
const MOMENTS = [
  'while the tables are empty',
  'while the tables are empty, also once they have grown',
  'after the tables were vacuumed and analyzed while they were empty',
  'after the tables have grown, never analyzed',
  'after the tables have grown and were analyzed',
] as const;
type Moment = (typeof MOMENTS)[number];

let databases: Record<'grown' | 'vacuumed' | 'small', TestDatabase>;
let ways: readonly Way[];
/** The statements that each kind of batch sends, under both strategies, by the size of the batch. */
const recorded = new Map<number, readonly Recorded[]>();
/** Each statement, with the values of the smallest batch that sends it and with those of the largest. */
let statements: readonly Recorded[];
const found = new Map<string, Plans>();

beforeAll(async () => {
  const [grown, vacuumed, small] = await Promise.all([
    createTestDatabase(),
    createTestDatabase(),
    createTestDatabase(),
  ]);
  databases = { grown, vacuumed, small };
  ways = (await hasHintPlan(inject('serverUrl'))) ? [BY_SETTINGS, BY_HINTS] : [BY_SETTINGS];
  // The statements do not depend on how full the tables are.
  await withClient(small.url, (client) => grow(client, LARGEST, LARGEST));
  for (const size of SIZES) recorded.set(size, await recordBatches(small.url, size));
  statements = [...firstOfEach(recorded.get(1)!), ...firstOfEach(recorded.get(LARGEST)!)];
  await makePlans(grown.url, vacuumed.url);
  // All work of this file is done here: on a busy machine it takes longer than one test may.
}, 900_000);

afterAll(async () => {
  for (const database of Object.values(databases)) await database.drop();
});

async function makePlans(grownUrl: string, vacuumedUrl: string): Promise<void> {
  const note = async (way: Way, moment: Moment, client: pg.Client): Promise<void> => {
    found.set(`${way.by} ${moment}`, await plansOf(client, statements));
  };
  const makeAll = async (url: string, moment: Moment): Promise<pg.Client[]> => {
    const clients: pg.Client[] = [];
    for (const way of ways) {
      const client = await connectAsThePool(way, url);
      clients.push(client);
      await prepare(client, statements, way.hints);
      await note(way, moment, client);
    }
    return clients;
  };
  const end = async (clients: readonly pg.Client[]): Promise<void> => {
    for (const client of clients) await client.end();
  };

  await withClient(vacuumedUrl, async (client) => {
    await client.query('VACUUM ANALYZE');
  });
  await end(await makeAll(vacuumedUrl, 'after the tables were vacuumed and analyzed while they were empty'));

  await withClient(grownUrl, leaveAlone);
  const early = await makeAll(grownUrl, 'while the tables are empty');
  await withClient(grownUrl, (client) => grow(client, USERS, TRADERS));
  for (const [n, client] of early.entries()) {
    await note(ways[n]!, 'while the tables are empty, also once they have grown', client);
  }
  await end(early);
  await end(await makeAll(grownUrl, 'after the tables have grown, never analyzed'));
  await withClient(grownUrl, async (client) => {
    await client.query('ANALYZE');
  });
  await end(await makeAll(grownUrl, 'after the tables have grown and were analyzed'));
}

describe.each([BY_SETTINGS, BY_HINTS])('a connection whose plans are pinned by $by', (way) => {
  const plans = (moment: Moment): Plans => found.get(`${way.by} ${moment}`)!;

  beforeEach(({ skip }) => {
    skip(!ways.includes(way), 'pg_hint_plan is not installed on this server');
  });

  it('a connection has the settings of the way that the pool chose, and no others', async () => {
    const settings = await settingsOf(way, databases.grown.url);
    const chosen = Object.entries(way.hints.settings).map(([name, value]) => `${name}=${value}`);
    expect(settings).toEqual(expect.arrayContaining(chosen));
    expect(settings.includes('enable_seqscan=off')).toBe(way === BY_SETTINGS);
  });

  it.each(MOMENTS)('the rows of batches are found by the primary keys when plans are made %s', (moment) => {
    expect(plans(moment).explained).toHaveLength(statements.length);
    expect(strayScans(plans(moment))).toEqual({});
  });

  it.each(MOMENTS)('batches of all sizes have one plan when plans are made %s', (moment) => {
    const { counts } = plans(moment);
    expect(counts.map(({ name }) => name)).toEqual(namesOf(statements));
    expect(counts.filter(({ custom, generic }) => custom > 0 || generic === 0)).toEqual([]);
  });

  it('the plans made while the tables were empty are the very same once the tables have grown', () => {
    expect(plans('while the tables are empty, also once they have grown').explained).toEqual(
      plans('while the tables are empty').explained,
    );
  });
});

describe('the statements of batches', () => {
  it.each(SIZES)('batches of %i items send only statements that were planned', (size) => {
    const planned = namesOf(statements);
    expect(planned).toEqual(expect.arrayContaining(namesOf(recorded.get(size)!)));
  });

  it('each statement of a batch is always sent with the same text', () => {
    const all = [...recorded.values()].flat().map(({ statement }) => statement);
    const texts = new Set(all.map(({ name, text }) => `${name} ${text}`));
    expect(texts.size).toBe(new Set(all.map(({ name }) => name)).size);
  });

  it('the hints of a statement name each of its tables by alias, each with an index of its own', () => {
    for (const { statement } of firstOfEach(statements)) {
      const [, comment = '', text] = /^\/\*\+ (.+?) \*\/ ([^]+)$/.exec(commentHints.textOf(statement)) ?? [];
      expect(text).toBe(statement.text);
      const tables = new Map<string, string>();
      const named = /\b(?:DELETE FROM|FROM|UPDATE) (accounts|holds|orders|operations) (\w+)/g;
      for (const [, table = '', alias = ''] of statement.text.matchAll(named)) {
        // Hints do not tell the parts of a statement apart, so an alias has to mean one table in all of them.
        expect([table, undefined]).toContain(tables.get(alias));
        tables.set(alias, table);
      }
      const scans = [...comment.matchAll(/(?:IndexScan|TidScan)\((\w+)(?: (\w+))?\)/g)];
      expect(scans.map(([, alias]) => alias).sort()).toEqual([...tables.keys()].sort());
      for (const [, alias = '', index] of scans) {
        if (index !== undefined) expect(index).toBe(`${tables.get(alias)}_pkey`);
      }
    }
  });

  it('the hints of a statement tell pg_hint_plan how many rows a key finds', () => {
    const load = statements.find(({ statement }) => statement.name === 'load:accounts+operations')!;
    expect(commentHints.textOf(load.statement)).toMatch(
      /^\/\*\+ IndexScan\(a accounts_pkey\) Rows\(k a #100\) IndexScan\(p operations_pkey\) Rows\(k p #100\) \*\/ SELECT /,
    );
  });
});

it('pg_hint_plan takes every hint as the driver sends it', async ({ skip }) => {
  skip(!ways.includes(BY_HINTS), 'pg_hint_plan is not installed on this server');
  const client = await connectAsThePool(BY_HINTS, databases.small.url);
  try {
    const said: string[] = [];
    client.on('notice', ({ message }) => said.push(message ?? ''));
    await client.query('SET pg_hint_plan.debug_print = on');
    await client.query('SET pg_hint_plan.message_level = notice');
    for (const { statement, values } of firstOfEach(statements)) {
      await client.query('BEGIN');
      said.length = 0;
      const text = commentHints.textOf(statement);
      await client.query({ name: statement.name, text, values: [...values] });
      const told = said.join('\n');
      expect(told).toContain('used hint:');
      for (const kind of ['not used', 'duplication', 'error']) {
        expect(told).toMatch(new RegExp(`^${kind} hint:$(?!\\n\\w+\\()`, 'm'));
      }
      await client.query('ROLLBACK');
    }
  } finally {
    await client.end();
  }
});

function namesOf(statements: readonly Recorded[]): string[] {
  return [...new Set(statements.map(({ statement }) => statement.name))].sort();
}
