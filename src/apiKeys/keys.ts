import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * A key reads `pincex_<id>_<secret>`: the id finds it, the secret proves it, and the beginning lets scanners of
 * repositories and logs know what they found. Both parts are hexadecimal, so that no part has an underscore.
 */
const KEY = /^pincex_([0-9a-f]{16})_([0-9a-f]{64})$/;

/** Whether a text can be the id of a key. */
export const isKeyId = (text: string): boolean => /^[0-9a-f]{16}$/.test(text);

/** A key as its owner shows it, in its parts. */
export interface PresentedKey {
  readonly id: string;
  readonly secret: string;
}

/** A key at the one moment when it is known as a whole. */
export interface NewKey {
  readonly id: string;
  readonly key: string;
  readonly secretHash: Buffer;
}

export function makeKey(): NewKey {
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('hex');
  return { id, key: `pincex_${id}_${secret}`, secretHash: hashSecret(secret) };
}

/** A key that somebody else made up. */
export function takeKey(key: string): NewKey {
  const presented = parseKey(key);
  if (presented === null) throw new TypeError('This is no key: it reads pincex_<id>_<secret>');
  return { id: presented.id, key, secretHash: hashSecret(presented.secret) };
}

/** The parts of a key, or null where the text is none. */
export function parseKey(text: string): PresentedKey | null {
  const [, id, secret] = KEY.exec(text) ?? [];
  return id === undefined || secret === undefined ? null : { id, secret };
}

export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Whether a key is valid now. */
export const isInForce = (key: {
  readonly revokedAt: string | null;
  readonly expiresAt: string | null;
}): boolean => key.revokedAt === null && (key.expiresAt === null || Date.parse(key.expiresAt) > Date.now());

/** What a secret is compared with where no key has the id, so that it takes as long as with one. */
const NOBODYS_HASH = randomBytes(32);

/** Whether it is the secret of this hash. How long that takes does not tell how much of it was right. */
export function isSecretOf(secret: string, secretHash: Buffer | undefined): boolean {
  return timingSafeEqual(hashSecret(secret), secretHash ?? NOBODYS_HASH);
}
