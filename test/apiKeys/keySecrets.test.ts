import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashSecret, isSecretOf, makeKey, parseKey } from '../../src/apiKeys/keySecrets.ts';
import { allows, SCOPES, type Scope } from '../../src/apiKeys/scopes.ts';

describe('a key', () => {
  it('reads pincex_<id>_<secret>, and its hash is of the secret alone', () => {
    const { id, key, secretHash } = makeKey();
    const [prefix, publicPart, secret, ...rest] = key.split('_');
    expect([prefix, publicPart, rest]).toEqual(['pincex', id, []]);
    expect(Buffer.from(secret!, 'hex')).toHaveLength(32);
    expect(secretHash).toEqual(createHash('sha256').update(secret!).digest());
    expect(parseKey(key)).toEqual({ id, secret });
  });

  it('is never the same twice, in neither part', () => {
    const keys = Array.from({ length: 1_000 }, () => parseKey(makeKey().key)!);
    expect(new Set(keys.map(({ id }) => id)).size).toBe(1_000);
    expect(new Set(keys.map(({ secret }) => secret)).size).toBe(1_000);
  });

  const { id, key } = makeKey();
  it.each([
    '',
    'pincex',
    `pincex_${id}`,
    `pincex_${id}_`,
    key.slice(0, -1),
    `${key}0`,
    `${key}\n`,
    ` ${key}`,
    key.toUpperCase(),
    key.replace('pincex', 'stripe'),
    key.replace(id, id.slice(1)),
    key.replace(id, `${id.slice(1)}g`),
    key.replace(id, `${id.slice(1)}'`),
    key.replace(/_/g, '-'),
  ])('is nothing like %j', (text) => {
    expect(parseKey(text)).toBeNull();
  });
});

describe('a secret', () => {
  it('is that of its own hash and of no other', () => {
    const { secret } = parseKey(makeKey().key)!;
    const other = `${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`;
    expect(isSecretOf(secret, hashSecret(secret))).toBe(true);
    expect(isSecretOf(other, hashSecret(secret))).toBe(false);
    expect(isSecretOf(secret, undefined)).toBe(false);
  });
});

describe('scopes', () => {
  it.each(SCOPES.flatMap((held) => SCOPES.map((needed) => [held, needed] as const)))(
    'a key with %s that is asked for %s',
    (held: Scope, needed: Scope) => {
      expect(allows({ scopes: [held] }, needed)).toBe(held === needed || held === 'admin');
    },
  );

  it('add up, and none allow nothing', () => {
    expect(allows({ scopes: ['read', 'funds:write'] }, 'funds:write')).toBe(true);
    expect(allows({ scopes: ['read', 'funds:write'] }, 'orders:write')).toBe(false);
    for (const scope of SCOPES) expect(allows({ scopes: [] }, scope)).toBe(false);
  });
});
