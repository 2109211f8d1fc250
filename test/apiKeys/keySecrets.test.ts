import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashSecret, isSecretOf, makeKey, parseKey } from '../../src/apiKeys/keySecrets.ts';
import { allows, SCOPES, type Scope } from '../../src/apiKeys/scopes.ts';

describe('an API key', () => {
  it('an API key reads pincex_<id>_<secret>, and its hash is of the secret alone', () => {
    const { id, key, secretHash } = makeKey();
    const [prefix, publicPart, secret, ...rest] = key.split('_');
    expect([prefix, publicPart, rest]).toEqual(['pincex', id, []]);
    expect(Buffer.from(secret!, 'hex')).toHaveLength(32);
    expect(secretHash).toEqual(createHash('sha256').update(secret!).digest());
    expect(parseKey(key)).toEqual({ id, secret });
  });

  it('no two API keys have the same id or the same secret', () => {
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
  ])('the text %j is no API key', (text) => {
    expect(parseKey(text)).toBeNull();
  });
});

describe('the secret of an API key', () => {
  it('a secret matches its own hash and no other', () => {
    const { secret } = parseKey(makeKey().key)!;
    const other = `${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`;
    expect(isSecretOf(secret, hashSecret(secret))).toBe(true);
    expect(isSecretOf(other, hashSecret(secret))).toBe(false);
    expect(isSecretOf(secret, undefined)).toBe(false);
  });
});

describe('the scopes of an API key', () => {
  it.each(SCOPES.flatMap((held) => SCOPES.map((needed) => [held, needed] as const)))(
    'a key with the scope %s may use the scope %s if it is the same, or if the key is an admin',
    (held: Scope, needed: Scope) => {
      expect(allows({ scopes: [held] }, needed)).toBe(held === needed || held === 'admin');
    },
  );

  it('the scopes of a key add up, and a key without scopes may do nothing', () => {
    expect(allows({ scopes: ['read', 'funds:write'] }, 'funds:write')).toBe(true);
    expect(allows({ scopes: ['read', 'funds:write'] }, 'orders:write')).toBe(false);
    for (const scope of SCOPES) expect(allows({ scopes: [] }, scope)).toBe(false);
  });
});
