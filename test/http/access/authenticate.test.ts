import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Authenticator } from '../../../src/http/access/authenticate.ts';
import { hashSecret, makeKey, parseKey } from '../../../src/apiKeys/keySecrets.ts';
import type { StoredKey } from '../../../src/apiKeys/store.ts';
import { limits } from '../../../src/limits.ts';
import { gate, until } from '../../support/waiting.ts';
import { UNBOUND } from './unbound.ts';

const compared = vi.hoisted(() => [] as [Buffer, Buffer][]);
vi.mock('node:crypto', async (importOriginal) => {
  const crypto = await importOriginal<typeof import('node:crypto')>();
  return {
    ...crypto,
    timingSafeEqual(a: Buffer, b: Buffer) {
      compared.push([a, b]);
      return crypto.timingSafeEqual(a, b);
    },
  };
});

/** A table of keys in memory that records the ids that it is asked for. */
function newTable() {
  const rows = new Map<string, StoredKey>();
  const asked: string[] = [];
  return {
    asked,
    rows,
    find(ids: readonly string[]) {
      asked.push(...ids);
      return Promise.resolve(new Map([...rows].filter(([id]) => ids.includes(id))));
    },
    add(changes: Partial<StoredKey> = {}): string {
      const { id, key, secretHash } = makeKey();
      rows.set(id, {
        id,
        secretHash,
        name: 'test',
        scopes: ['read'],
        rateLimit: 7,
        createdAt: '2026-01-01T00:00:00.000Z',
        expiresAt: null,
        revokedAt: null,
        isFirst: false,
        ...UNBOUND,
        ...changes,
      });
      return key;
    },
  };
}

/** A key that was never made. */
const idOf = (n: number) => `pincex_${n.toString(16).padStart(16, '0')}_${'0'.repeat(64)}`;

/** Until the test ends, time passes only where the test says so. */
function holdTime(): void {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  // An entry from time 0 would be remembered for ever, so the clock begins at 1.
  vi.advanceTimersByTime(1);
}

const soon = (ms: number) => new Date(Date.now() + ms).toISOString();

describe('the Authorization header', () => {
  it('a valid key in the Authorization header tells who called', async () => {
    const table = newTable();
    const key = table.add();
    const caller = { keyId: parseKey(key)!.id, scopes: ['read'], rateLimit: 7, bounds: UNBOUND };
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  ']) {
      expect(await new Authenticator(table).authenticate(`${scheme} ${key}`)).toEqual({ caller });
    }
  });

  it('the bounds of a key are the very same lists for as long as the key is remembered', async () => {
    holdTime();
    const table = newTable();
    const key = table.add({ addresses: ['127.0.0.1'] });
    const authenticator = new Authenticator(table);
    const [one, other] = [
      await authenticator.authenticate(`Bearer ${key}`),
      await authenticator.authenticate(`Bearer ${key}`),
    ];
    const lists = [one, other].map((found) => ('caller' in found ? found.caller.bounds.addresses : null));
    expect(lists[0]).toEqual(['127.0.0.1']);
    expect(lists[1]).toBe(lists[0]);
  });

  it('an Authorization header without a valid key is refused with the reason', async () => {
    const table = newTable();
    const [good, other] = [table.add(), table.add()];
    const otherSecret = parseKey(other)!.secret;
    const refusals: [string | undefined, string][] = [
      [undefined, 'missing'],
      ['', 'malformed'],
      [good, 'malformed'],
      [`Basic ${good}`, 'malformed'],
      [`Bearer ${good} ${good}`, 'malformed'],
      [`Bearer ${good}, Bearer ${good}`, 'malformed'],
      ['Bearer null', 'malformed'],
      [`Bearer ${makeKey().key}`, 'not_valid'],
      [`Bearer pincex_${parseKey(good)!.id}_${otherSecret}`, 'not_valid'],
      [`Bearer ${table.add({ expiresAt: soon(-1) })}`, 'not_valid'],
      [`Bearer ${table.add({ revokedAt: soon(-1) })}`, 'not_valid'],
      [`Bearer ${table.add({ revokedAt: soon(-1), expiresAt: soon(60_000) })}`, 'not_valid'],
    ];
    const authenticator = new Authenticator(table);
    for (const [header, refusal] of refusals) {
      expect([header, await authenticator.authenticate(header)]).toEqual([header, { refusal }]);
    }
  });

  it('a secret is compared in constant time, even where no key has the id', async () => {
    const table = newTable();
    const key = table.add();
    const { id, secret } = parseKey(key)!;
    const unknown = makeKey().key;
    const authenticator = new Authenticator(table);
    for (const presented of [key, unknown, `pincex_${id}_${'0'.repeat(64)}`]) {
      compared.length = 0;
      await authenticator.authenticate(`Bearer ${presented}`);
      expect(compared).toHaveLength(1);
      expect(compared[0]![0]).toEqual(hashSecret(parseKey(presented)!.secret));
      expect(compared[0]![1]).toHaveLength(32);
    }
    compared.length = 0;
    await authenticator.authenticate(`Bearer ${key}`);
    expect(compared).toEqual([[hashSecret(secret), hashSecret(secret)]]);
  });
});

describe('remembered keys', () => {
  it('remembered answers save the table from being asked by every call, also about unknown ids', async () => {
    const table = newTable();
    const [key, unknown] = [table.add(), makeKey().key];
    const authenticator = new Authenticator(table);
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        await authenticator.authenticate(`Bearer ${key}`);
        await authenticator.authenticate(`Bearer ${unknown}`);
      }),
    );
    expect(table.asked.sort()).toEqual([parseKey(key)!.id, parseKey(unknown)!.id].sort());
  });

  it('a revoked key works for a second after the table was asked, and no longer', async () => {
    const table = newTable();
    const key = table.add();
    const { id } = parseKey(key)!;
    // The time that the answer takes does not prolong the time for which the key works.
    const slow = gate();
    const find = async (asked: readonly string[]) => {
      const found = await table.find(asked);
      await slow.opened;
      return found;
    };
    const authenticator = new Authenticator({ find });
    holdTime();
    const first = authenticator.authenticate(`Bearer ${key}`);
    await until('the table to be asked', () => table.asked.length === 1);
    table.rows.set(id, { ...table.rows.get(id)!, revokedAt: soon(0) });
    vi.advanceTimersByTime(400);
    slow.open();
    expect(await first).toHaveProperty('caller');
    vi.advanceTimersByTime(limits.apiKeys.rememberedMs - 400);
    expect(await authenticator.authenticate(`Bearer ${key}`)).toHaveProperty('caller');
    vi.advanceTimersByTime(1);
    expect(await authenticator.authenticate(`Bearer ${key}`)).toEqual({ refusal: 'not_valid' });
    expect(table.asked).toHaveLength(2);
  });

  it('a remembered key does not work beyond its expiry, not even for a moment', async () => {
    const table = newTable();
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const key = table.add({ expiresAt: soon(100) });
    const authenticator = new Authenticator(table);
    vi.setSystemTime(Date.now() + 99);
    expect(await authenticator.authenticate(`Bearer ${key}`)).toHaveProperty('caller');
    vi.setSystemTime(Date.now() + 1);
    expect(await authenticator.authenticate(`Bearer ${key}`)).toEqual({ refusal: 'not_valid' });
    expect(table.asked).toHaveLength(1);
  });

  it('the memory of keys is bounded, and made-up ids push no key out of it', async () => {
    const table = newTable();
    holdTime();
    const [key, first] = [table.add(), makeKey().key];
    const authenticator = new Authenticator(table);
    const asked = (of: string) => table.asked.filter((id) => id === parseKey(of)!.id).length;
    await authenticator.authenticate(`Bearer ${key}`);
    await authenticator.authenticate(`Bearer ${first}`);
    for (let n = 0; n < limits.apiKeys.remembered; n++) await authenticator.authenticate(`Bearer ${idOf(n)}`);
    await authenticator.authenticate(`Bearer ${key}`);
    await authenticator.authenticate(`Bearer ${first}`);
    expect([asked(key), asked(first)]).toEqual([1, 2]);
  });

  it('remembered keys pass while the table is asked for more made-up ids than may wait', async () => {
    const table = newTable();
    holdTime();
    const key = table.add();
    const slow = gate();
    const find = vi.fn(async (ids: readonly string[]) => {
      if (!ids.includes(parseKey(key)!.id)) await slow.opened;
      return table.find(ids);
    });
    const authenticator = new Authenticator({ find });
    await authenticator.authenticate(`Bearer ${key}`);
    const first = authenticator.authenticate(`Bearer ${idOf(0)}`);
    await until('the table to be asked', () => find.mock.calls.length === 2);
    const flood = Array.from({ length: limits.apiKeys.remembered + 10 }, (_, n) =>
      authenticator.authenticate(`Bearer ${idOf(n + 1)}`),
    );
    const ends = Promise.allSettled(flood);
    // The key is no longer remembered, so the table has to be asked.
    vi.advanceTimersByTime(limits.apiKeys.rememberedMs + 1);
    expect(await authenticator.authenticate(`Bearer ${key}`)).toHaveProperty('caller');
    expect(find).toHaveBeenCalledTimes(3);
    slow.open();
    expect(await first).toEqual({ refusal: 'not_valid' });
    const refused = (await ends).filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(10);
    for (const end of refused) expect(end).toMatchObject({ reason: { status: 503, code: 'overloaded' } });
    expect(find).toHaveBeenCalledTimes(4);
  });

  it('ids that come while the table is asked are looked up together by the next query', async () => {
    const table = newTable();
    const keys = [table.add(), table.add()];
    const slow = gate();
    const find = vi.fn(async (ids: readonly string[]) => {
      if (find.mock.calls.length === 1) await slow.opened;
      return table.find(ids);
    });
    const authenticator = new Authenticator({ find });
    const strangers = [1, 2].map((n) => authenticator.authenticate(`Bearer ${idOf(n)}`));
    await until('the table to be asked', () => find.mock.calls.length === 1);
    const found = [...keys, idOf(3)].map((key) => authenticator.authenticate(`Bearer ${key}`));
    slow.open();
    expect(await Promise.all(strangers)).toEqual([{ refusal: 'not_valid' }, { refusal: 'not_valid' }]);
    const caller = expect.objectContaining({ scopes: ['read'] }) as object;
    expect(await Promise.all(found)).toEqual([{ caller }, { caller }, { refusal: 'not_valid' }]);
    expect(find).toHaveBeenCalledTimes(2);
  });

  it('a query that does not end is waited for no longer than lookupMs', async () => {
    const table = newTable();
    const key = table.add();
    const find = vi.fn(table.find.bind(table)).mockReturnValueOnce(new Promise(() => undefined));
    holdTime();
    const authenticator = new Authenticator({ find });
    void authenticator.authenticate(`Bearer ${idOf(1)}`);
    await vi.advanceTimersByTimeAsync(1);
    const found = authenticator.authenticate(`Bearer ${key}`);
    await vi.advanceTimersByTimeAsync(limits.apiKeys.lookupMs - 2);
    expect(find).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(2);
    expect(await found).toHaveProperty('caller');
  });

  it('a failed query is not remembered: the table is asked again', async () => {
    const table = newTable();
    const key = table.add();
    const find = vi.fn(table.find.bind(table)).mockRejectedValueOnce(new Error('no database'));
    const authenticator = new Authenticator({ find });
    await expect(authenticator.authenticate(`Bearer ${key}`)).rejects.toThrow('no database');
    expect(await authenticator.authenticate(`Bearer ${key}`)).toHaveProperty('caller');
  });

  it('after a failed query a known key is not kept waiting by made-up ids', async () => {
    const table = newTable();
    const key = table.add();
    const slow = gate();
    const find = vi.fn(async (ids: readonly string[]) => {
      const found = await table.find(ids);
      if (found.size === 0) await slow.opened;
      return found;
    });
    holdTime();
    const authenticator = new Authenticator({ find });
    const authenticate = () => authenticator.authenticate(`Bearer ${key}`);
    expect(await authenticate()).toHaveProperty('caller');
    vi.advanceTimersByTime(limits.apiKeys.rememberedMs + 1);
    find.mockRejectedValueOnce(new Error('no database'));
    await expect(authenticate()).rejects.toThrow('no database');
    const strangers = [1, 2, 3].map((n) => authenticator.authenticate(`Bearer ${idOf(n)}`));
    expect(await authenticate()).toHaveProperty('caller');
    slow.open();
    await Promise.all(strangers);
  });
});
