import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { settingHints } from '../../src/database/sql/hints.ts';
import type { Statement } from '../../src/database/statement.ts';
import { explain, type Scan } from '../../src/doctor/plans.ts';
import { issuedStatements } from '../../src/doctor/statements.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { callEverything } from './everything.ts';
import { connected } from './support.ts';

/** Statements that have no plan or read no table. */
const UTILITIES = ['begin', 'commit', 'rollback', 'savepoint', 'release-savepoint', 'rollback-to-savepoint'];

describe('every statement that the system issues', () => {
  let database: TestDatabase;
  /** The issued statements by name, as the driver was given them. */
  const issued = new Map<string, Statement>();
  const registered = new Map(issuedStatements.map((statement) => [statement.name, statement]));

  beforeAll(async () => {
    database = await createTestDatabase();
    const send = vi.spyOn(pg.Client.prototype, 'query');
    for (const strategy of ['auto', 'guard', 'lock'] as const) await callEverything(database.url, strategy);
    for (const [statement] of send.mock.calls as unknown as [Statement | string][]) {
      if (typeof statement !== 'object') continue;
      // A statement that is sent without a name is recognised by its text.
      const unnamed = [...registered.values()].find(({ text }) => text === statement.text)?.name;
      const name = statement.name || unnamed;
      if (!name) continue;
      // A statement that is written with a batch is planned on its own.
      const [, ...writtenWith] = name.startsWith('persist:') ? name.split('+') : [];
      if (writtenWith.length === 0) issued.set(name, { ...statement, name });
      for (const part of writtenWith) issued.set(part, registered.get(part)!);
    }
    send.mockRestore();
  });
  afterAll(() => database.drop());

  /** The registered name for a statement: for the two statements of a batch, the one with all parts. */
  const entryOf = (name: string): string => {
    if (!name.includes(':')) return name;
    const prefix = `${name.split(':', 1)[0]!}:`;
    return [...registered.keys()].find((other) => other.startsWith(prefix)) ?? name;
  };
  const partsOf = (name: string): string[] => {
    const parts = name.slice(name.indexOf(':') + 1);
    return name.startsWith('load:') ? parts.split('+') : Array.from(parts);
  };

  it('every issued statement is in the registry, and every registered statement is issued', () => {
    expect(issued.size).toBeGreaterThan(40);
    const entries = new Set([...issued.keys()].map(entryOf));
    expect([...registered.keys()].filter((name) => !entries.has(name))).toEqual([]);
    expect([...entries].filter((name) => !registered.has(name) && !UTILITIES.includes(name))).toEqual([]);
  });

  it('the two statements of a batch are made of registered parts, each of which is issued', () => {
    const seen: Record<string, Set<string>> = {};
    for (const name of issued.keys()) {
      if (!name.includes(':')) continue;
      seen[entryOf(name)] ??= new Set();
      for (const part of partsOf(name)) seen[entryOf(name)]!.add(part);
    }
    for (const [entry, parts] of Object.entries(seen))
      expect([...parts].sort()).toEqual(partsOf(entry).sort());
    expect(Object.keys(seen)).toHaveLength(2);
  });

  it('every issued statement is planned like its registered entry, whichever parts it has', async () => {
    const client = await connected(database.url);
    for (const [name, value] of Object.entries(settingHints.settings))
      await client.query(`SET ${name} = ${value}`);
    const shown = (scans: Scan[] | string): string[] =>
      typeof scans === 'string'
        ? [scans]
        : scans.map(({ table, node, index }) => `${table} ${node} ${index ?? ''}`);
    let compared = 0;
    for (const [name, statement] of issued) {
      if (UTILITIES.includes(name)) continue;
      const whole = shown(await explain(client, registered.get(entryOf(name))!));
      for (const scan of shown(await explain(client, statement))) expect(whole).toContain(scan);
      compared++;
    }
    expect(compared).toBeGreaterThan(40);
  });
});
