import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * A key reads `pincex_<id>_<secret>`: the id finds its row, the secret proves it, and secret scanners recognize the prefix.
 * Both parts are hexadecimal, so that neither contains an underscore.
 */
const KEY = /^pincex_([0-9a-f]{16})_([0-9a-f]{64})$/;

/** Whether a text has the form of a key's id. */
export const isKeyId = (text: string): boolean => /^[0-9a-f]{16}$/.test(text);

/** The parts of a key that a caller presents. */
export interface PresentedKey {
  readonly id: string;
  readonly secret: string;
}

/** A new key. Its text is known only here: the database stores the hash of the secret. */
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

/** A new key with a text that was chosen elsewhere. */
export function newKeyFrom(key: string): NewKey {
  const presented = parseKey(key);
  if (presented === null) throw new TypeError('The text is no API key: a key reads pincex_<id>_<secret>');
  return { id: presented.id, key, secretHash: hashSecret(presented.secret) };
}

/** The parts of a key, or null if the text is not a key. */
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

/** Secrets of unknown ids are compared with this hash, so that they take as long as those of known ids. */
const UNKNOWN_ID_HASH = randomBytes(32);

/** Whether the secret has this hash. The comparison takes constant time. */
export function isSecretOf(secret: string, secretHash: Buffer | undefined): boolean {
  return timingSafeEqual(hashSecret(secret), secretHash ?? UNKNOWN_ID_HASH);
}
