import { textArray } from '../database/sql/arrays.ts';
import type { Session } from '../database/database.ts';
import { isoTime } from '../database/sql/time.ts';
import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import { limits } from '../limits.ts';
import { isArray } from '../lists.ts';
import { requireBounds, type KeyBounds } from './bounds.ts';
import { isKeyId, makeKey, newKeyFrom, type NewKey } from './keySecrets.ts';
import { SCOPES, type Scope } from './scopes.ts';
import { refuseSurplus } from '../surplus.ts';

const COLUMNS = `
      k.id, k.name, to_json(k.scopes) AS scopes, k.rate_limit, k.created_at, k.expires_at, k.revoked_at,
      to_json(k.users) AS users, k.user_prefix, to_json(k.markets) AS markets, to_json(k.addresses) AS addresses,
      k.is_first`;

export const insertApiKey = {
  name: 'insert-api-key',
  text: `
    INSERT INTO api_keys AS k
      (id, secret_hash, name, scopes, rate_limit, expires_at, users, user_prefix, markets, addresses)
    VALUES ($1, decode($2, 'hex'), $3, $4::text[], $5::integer, $6::timestamptz,
      $7::text[], $8, $9::text[], $10::text[])
    RETURNING${COLUMNS}`,
};

/** Inserts a key if the table is empty. Only one of several concurrent inserts succeeds, since `is_first` is unique. */
export const insertFirstApiKey = {
  name: 'insert-first-api-key',
  text: `
    INSERT INTO api_keys AS k (id, secret_hash, name, scopes, is_first)
    SELECT $1, decode($2, 'hex'), $3, $4::text[], true
    WHERE NOT EXISTS (SELECT FROM api_keys)
    ON CONFLICT (is_first) DO NOTHING
    RETURNING${COLUMNS}`,
};

export const findApiKeys = {
  name: 'find-api-keys',
  hints: ['IndexScan(k api_keys_pkey)'],
  text: `
    SELECT${COLUMNS}, encode(k.secret_hash, 'hex') AS secret_hash
    FROM api_keys k
    WHERE k.id = ANY ($1::text[])`,
};

export const listApiKeys = {
  name: 'list-api-keys',
  text: `
    SELECT${COLUMNS}
    FROM api_keys k
    ORDER BY k.created_at, k.id`,
};

export const revokeApiKey = {
  name: 'revoke-api-key',
  hints: ['IndexScan(k api_keys_pkey)'],
  text: `
    UPDATE api_keys AS k SET revoked_at = COALESCE(k.revoked_at, now())
    WHERE k.id = $1
    RETURNING${COLUMNS}`,
};

/** A row of {@link COLUMNS}. */
interface Row {
  id: string;
  name: string;
  scopes: string;
  rate_limit: string | null;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  users: string | null;
  user_prefix: string | null;
  markets: string | null;
  addresses: string | null;
  is_first: string | null;
}

/** The options of a new key. */
export interface ApiKeyOptions {
  /** The name by which people recognize the key. */
  readonly name: string;
  /** The scopes of the key, at least one. */
  readonly scopes: readonly Scope[];
  /** When the key expires. Default: never. */
  readonly expiresAt?: Date | null | undefined;
  /** The rate limit in items a second. Default: that of the service. */
  readonly rateLimit?: number | null | undefined;
  /** Users that the key may touch, besides those of `userPrefix`. Default of both: every user. */
  readonly users?: readonly string[] | null | undefined;
  /** The key may touch users whose ids begin with this, besides `users`. */
  readonly userPrefix?: string | null | undefined;
  /** Markets that the key may touch, with their currencies. Default: all. */
  readonly markets?: readonly string[] | null | undefined;
  /** Addresses and networks that the key may be used from, such as `10.0.0.0/8`. Default: any. */
  readonly addresses?: readonly string[] | null | undefined;
}

/** A key of the HTTP service, without its secret. Times are ISO 8601 in UTC. */
export interface ApiKey extends KeyBounds {
  /** The public part of the key. */
  readonly id: string;
  /** The name by which people recognize the key. */
  readonly name: string;
  /** The scopes of the key. */
  readonly scopes: readonly Scope[];
  /** The rate limit in items a second; null for that of the service. */
  readonly rateLimit: number | null;
  /** When the key was created. */
  readonly createdAt: string;
  /** When the key expires; null for never. */
  readonly expiresAt: string | null;
  /** When the key was revoked; null if it was not. */
  readonly revokedAt: string | null;
  /** Whether the key was created by the first start of the service. */
  readonly isFirst: boolean;
}

export interface CreatedKey extends ApiKey {
  /** The text of the key. It is returned only here: only its hash is stored. */
  readonly key: string;
}

const OPTIONS = namesOf<ApiKeyOptions>({
  name: true,
  scopes: true,
  expiresAt: true,
  rateLimit: true,
  users: true,
  userPrefix: true,
  markets: true,
  addresses: true,
});

/** @internal */
export interface StoredKey extends ApiKey {
  readonly secretHash: Buffer;
}

/**
 * The keys of the HTTP service, in the table `api_keys`: the calls behind `pincex keys`. Running services apply changes
 * within a second.
 */
export class ApiKeys {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Creates a key. Its text is in the result and nowhere else: only its hash is stored.
   *
   * @throws PincexError `invalid_argument`
   *
   * @example
   * ```ts
   * const { key } = await apiKeys.create({ name: 'settlement', scopes: ['read', 'funds:write'] });
   * console.log(key);
   * ```
   */
  async create(options: ApiKeyOptions): Promise<CreatedKey> {
    const {
      name,
      scopes,
      expiresAt = null,
      rateLimit = null,
      users = null,
      userPrefix = null,
      markets = null,
      addresses = null,
    } = readOptions('apiKeys.create', options, OPTIONS);
    requireName(name);
    requireScopes(scopes);
    requireExpiry(expiresAt);
    requireRate(rateLimit);
    requireBounds({ users, userPrefix, markets, addresses });
    const { id, key, secretHash } = makeKey();
    const [row] = await this.#session.query<Row>(insertApiKey, [
      id,
      secretHash.toString('hex'),
      name,
      textArray([...new Set(scopes)]),
      rateLimit === null ? null : String(rateLimit),
      expiresAt?.toISOString() ?? null,
      listOf(users),
      userPrefix,
      listOf(markets),
      listOf(addresses),
    ]);
    if (row === undefined) throw new Error('INSERT … RETURNING returned nothing');
    return { ...toApiKey(row), key };
  }

  /**
   * Creates a key with the scope `admin` if the table has no key, else returns undefined.
   *
   * @param given the text of the key. Default: a random one
   * @internal
   */
  async createFirst(given: string | null = null): Promise<CreatedKey | undefined> {
    const { id, key, secretHash }: NewKey = given === null ? makeKey() : newKeyFrom(given);
    const scopes = textArray(['admin']);
    const [row] = await this.#session.query<Row>(insertFirstApiKey, [
      id,
      secretHash.toString('hex'),
      'first',
      scopes,
    ]);
    return row && { ...toApiKey(row), key };
  }

  /** Lists all keys, the oldest first, including those that expired or were revoked. */
  async list(): Promise<ApiKey[]> {
    return (await this.#session.query<Row>(listApiKeys)).map(toApiKey);
  }

  /**
   * Revokes a key permanently. Revoking it again changes nothing.
   *
   * @throws PincexError `invalid_argument` if no key has the id
   */
  async revoke(id: string): Promise<ApiKey> {
    const [row] = isKeyId(id) ? await this.#session.query<Row>(revokeApiKey, [id]) : [];
    if (row !== undefined) return toApiKey(row);
    // The message does not repeat the text: a caller that passes a key instead of its id would find the key in a log.
    throw new PincexError(
      'invalid_argument',
      'No API key has this id; an id is 16 hexadecimal digits, and "pincex keys list" shows them',
    );
  }

  /**
   * Reads the keys that have these ids, by id.
   *
   * @internal
   */
  async find(ids: readonly string[]): Promise<ReadonlyMap<string, StoredKey>> {
    const rows = await this.#session.query<Row & { secret_hash: string }>(findApiKeys, [textArray(ids)]);
    return new Map(
      rows.map((row) => [row.id, { ...toApiKey(row), secretHash: Buffer.from(row.secret_hash, 'hex') }]),
    );
  }
}

refuseSurplus(ApiKeys);

function toApiKey(row: Row): ApiKey {
  return {
    id: row.id,
    name: row.name,
    scopes: JSON.parse(row.scopes) as Scope[],
    rateLimit: row.rate_limit === null ? null : Number(row.rate_limit),
    createdAt: isoTime(row.created_at),
    expiresAt: row.expires_at === null ? null : isoTime(row.expires_at),
    revokedAt: row.revoked_at === null ? null : isoTime(row.revoked_at),
    isFirst: row.is_first !== null,
    users: textsOf(row.users),
    userPrefix: row.user_prefix,
    markets: textsOf(row.markets),
    addresses: textsOf(row.addresses),
  };
}

const textsOf = (json: string | null): string[] | null =>
  json === null ? null : (JSON.parse(json) as string[]);

const listOf = (texts: readonly string[] | null): string | null =>
  texts === null ? null : textArray([...new Set(texts)]);

function requireName(name: unknown): void {
  const isPrintable = typeof name === 'string' && !/\p{Cc}/u.test(name) && name.isWellFormed();
  if (isPrintable && name.length >= 1 && name.length <= limits.books.idLength) return;
  throw new PincexError(
    'invalid_argument',
    `The name of a key is 1 to ${limits.books.idLength} characters, none of them a control character`,
  );
}

function requireScopes(scopes: unknown): void {
  const known: readonly unknown[] = SCOPES;
  if (isArray(scopes) && scopes.length > 0 && scopes.every((scope) => known.includes(scope))) return;
  const got = isArray(scopes) ? scopes.map(describe).join(', ') : describe(scopes);
  throw new PincexError(
    'invalid_argument',
    `The scopes of a key are one or more of ${SCOPES.join(', ')}: got ${got || 'none'}`,
  );
}

function requireExpiry(expiresAt: unknown): void {
  if (expiresAt === null) return;
  const isFuture = expiresAt instanceof Date && expiresAt.getTime() > Date.now();
  if (isFuture && expiresAt.getUTCFullYear() <= 9999) return;
  const isTime = expiresAt instanceof Date && !Number.isNaN(expiresAt.getTime());
  const got = isTime ? expiresAt.toISOString() : describe(expiresAt);
  throw new PincexError('invalid_argument', `expiresAt must be a Date in the future: got ${got}`);
}

function requireRate(rateLimit: unknown): void {
  const most = limits.apiKeys.itemsPerSecond;
  if (rateLimit === null) return;
  const isWhole = typeof rateLimit === 'number' && Number.isInteger(rateLimit);
  if (isWhole && rateLimit >= 1 && rateLimit <= most) return;
  throw new PincexError(
    'invalid_argument',
    `The rate limit of a key must be 1 to ${most} items a second: got ${describe(rateLimit)}`,
  );
}
