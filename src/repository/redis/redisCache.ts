import { randomBytes } from 'node:crypto';
import { ExponentialBackoff, handleAll, retry, type IPolicy } from 'cockatiel';
import type { RedisConfig } from '../../config/load.ts';
import { Diagnostics } from '../../diagnostics.ts';
import { limits } from '../../limits.ts';
import { CircuitBreaker } from '../circuitBreaker.ts';
import type {
  Cache,
  CacheRead,
  Changes,
  Entry,
  Fill,
  AbsentEntry,
  Position,
  Replacement,
} from '../cache/cache.ts';
import { linkTo, type RedisLink } from './redisLink.ts';
import { FILL, INCARNATION_LENGTH, LEARN, PUBLISH, READ, SCRIPTS, type Script } from './scripts.ts';
import { PendingInvalidations } from '../cache/pendingInvalidations.ts';

/** The version of the stored form: a Pincex that stores another form shares nothing with this one. */
const SCHEMA = 2;
/** Milliseconds for each key: ten times the measured time. */
const WAIT_PER_KEY_MS = 0.03;
/** Keys in one command: the script unpacks them onto Lua's stack, which takes 8,000. */
const KEYS_AT_ONCE = 5_000;

/**
 * The cache that processes share, in Redis or Valkey. If Redis does not answer within `limits.repository.redisWaitMs`, and a
 * little more for many keys, the database is asked instead, so no call fails because of it. Changes that could not be
 * published are remembered, and this process reads nothing from Redis before they are published.
 */
export class RedisCache implements Cache {
  readonly store = 'redis';
  readonly #link: RedisLink;
  readonly #prefix: string;
  readonly #breaker = new CircuitBreaker(handleAll, limits.repository.redisPauseMs);
  readonly #retry: IPolicy;
  readonly #diagnostics: Diagnostics;
  readonly #pending = new PendingInvalidations();
  #draining: Promise<void> | undefined;
  /** The next attempt to publish the pending invalidations; `null` once this is closed. */
  #drainTimer: NodeJS.Timeout | null | undefined;
  #renewing: Promise<void> | undefined;

  /**
   * @param keyspace the name of the books: see `keyspaceOf`
   * @param diagnostics receives the error of each call that was served without Redis
   */
  constructor(config: RedisConfig, keyspace: string, diagnostics = new Diagnostics()) {
    this.#link = linkTo(config);
    this.#prefix = `pincex:${SCHEMA}:${keyspace}`;
    this.#diagnostics = diagnostics;
    this.#retry = retry(handleAll, {
      maxAttempts: config.maxRetries,
      backoff: new ExponentialBackoff({ initialDelay: 10, maxDelay: 100 }),
    });
  }

  async read(keys: readonly string[], least = 0): Promise<CacheRead> {
    const groups = this.#grouped(keys.map((key, place) => ({ key, place })));
    let replies: readonly (readonly string[])[];
    try {
      replies = await this.#try(keys.length, async () => {
        await this.#drain();
        const name = newName();
        return Promise.all(groups.map((group) => this.#readGroup(group, name, least)));
      });
    } catch (error) {
      this.#reportFailure(error);
      return { entries: new Array<AbsentEntry>(keys.length).fill(NO_LEASE), position: null };
    }
    const entries = new Array<Entry | AbsentEntry>(keys.length).fill(NO_LEASE);
    const unreadable: string[] = [];
    for (const [n, { members }] of groups.entries()) {
      for (const [m, { key, place }] of members.entries()) {
        const entry = parse(replies[n]?.[m + 2] ?? '');
        if (entry === undefined) unreadable.push(key);
        else entries[place] = entry;
      }
    }
    if (unreadable.length > 0) await this.publish({ replaced: [], removed: unreadable }, null);
    const positions = groups.map(({ group }, n) => ({ group, text: replies[n]?.[1] ?? '' }));
    return { entries, ...this.#positionIn(positions) };
  }

  async fill(fills: readonly Fill[]): Promise<void> {
    try {
      await this.#try(fills.length, () =>
        Promise.all(
          this.#grouped(fills).map(({ group, members }) =>
            this.#run(
              FILL,
              members.map(({ key }) => this.#nameOf(group, key)),
              members.flatMap(({ lease, version, value, ttlMs }) => [
                lease,
                lease.slice(0, INCARNATION_LENGTH) + print(version, value),
                String(Math.max(1, Math.ceil(ttlMs))),
              ]),
            ),
          ),
        ),
      );
    } catch (error) {
      this.#reportFailure(error);
    }
  }

  async publish(changes: Changes, position: Position | null): Promise<void> {
    const { replaced, removed } = changes;
    if (replaced.length + removed.length === 0) return;
    try {
      await this.#try(replaced.length + removed.length, async () => {
        await this.#drain();
        await this.#send(changes, position);
      });
    } catch (error) {
      this.#reportFailure(error);
      this.#pending.add([...replaced.map(({ key }) => key), ...removed], position);
      this.#scheduleDrain();
    }
  }

  /** The incarnation, the position, and the entry or lease of each key. */
  async #readGroup(
    { group, members }: Group<{ readonly key: string }>,
    name: string,
    least: number,
  ): Promise<readonly string[]> {
    const reply = await this.#run(
      READ,
      [
        this.#incarnationOf(group),
        this.#positionOf(group),
        ...members.map(({ key }) => this.#nameOf(group, key)),
      ],
      [name, String(limits.repository.leaseMs), String(least)],
    );
    if (!Array.isArray(reply)) throw new TypeError('Redis answered the read script without a list');
    return reply as string[];
  }

  /** The furthest position of all groups. If one group has lost its own, the position is unknown and `learn` restores it. */
  #positionIn(positions: readonly PositionOfGroup[]): Pick<CacheRead, 'position' | 'learn'> {
    const known = positions.filter(({ text }) => /^\d+$/.test(text)).map(({ text }) => BigInt(text));
    if (known.length === positions.length) {
      return { position: known.reduce((most, one) => (one > most ? one : most), 0n) };
    }
    return { position: null, learn: (position) => this.#learn(positions, position) };
  }

  async #learn(positions: readonly PositionOfGroup[], position: bigint): Promise<void> {
    const values = [String(position), String(limits.repository.positionMs)];
    const leases = positions.flatMap(({ group, text }) => {
      const [lease] = /^\?[^:]+:/.exec(text) ?? [];
      return lease === undefined ? [] : { group, lease };
    });
    try {
      await this.#try(leases.length, () =>
        Promise.all(
          leases.map(({ group, lease }) => this.#run(LEARN, [this.#positionOf(group)], [lease, ...values])),
        ),
      );
    } catch (error) {
      this.#reportFailure(error);
    }
  }

  /** Invalidates every entry: the next reader starts a new incarnation, and entries of another one count as absent. */
  async #forgetAll(): Promise<void> {
    const groups = Array.from({ length: this.#link.groups }, (_, group) => group);
    await Promise.all(
      groups.map((group) =>
        this.#link.send(this.#incarnationOf(group), [
          'DEL',
          this.#incarnationOf(group),
          this.#positionOf(group),
        ]),
      ),
    );
  }

  /** Tries once more to publish the pending invalidations. */
  async close(): Promise<void> {
    clearTimeout(this.#drainTimer ?? undefined);
    this.#drainTimer = null;
    await this.#try(this.#pending.size, () => this.#drain()).catch((error: unknown) => {
      this.#reportFailure(error);
    });
    await this.#link.close();
  }

  #reportFailure(error: unknown): void {
    this.#diagnostics.tell('cacheFailure', () => ({ error }));
  }

  /** Runs `work` with retries, for a time that grows with the number of keys; not at all while the circuit is open. */
  #try<Result>(keys: number, work: () => Promise<Result>): Promise<Result> {
    const waitMs = limits.repository.redisWaitMs + keys * WAIT_PER_KEY_MS;
    return this.#breaker.run(waitMs, () => this.#retry.execute(work));
  }

  /** Publishes pending invalidations even if this process gets no further call, since other processes read from Redis too. */
  #scheduleDrain(): void {
    if (this.#drainTimer !== undefined) return;
    const drain = (): void => {
      this.#drainTimer = undefined;
      this.#try(this.#pending.size, () => this.#drain()).catch(() => {
        this.#scheduleDrain();
      });
    };
    this.#drainTimer = setTimeout(drain, limits.repository.redisPauseMs).unref();
  }

  /** One command for each group of keys. */
  async #send({ replaced, removed }: Changes, position: Position | null): Promise<void> {
    const changed: readonly (Replacement | { readonly key: string })[] = [
      ...replaced,
      ...removed.map((key) => ({ key })),
    ];
    await Promise.all(
      this.#grouped(changed).map(({ group, members }) => {
        // In each group, too, the replaced entries come before the removed ones.
        const rows = members.filter((change) => 'value' in change);
        return this.#run(
          PUBLISH,
          [
            this.#incarnationOf(group),
            this.#positionOf(group),
            ...members.map(({ key }) => this.#nameOf(group, key)),
          ],
          [
            String(rows.length),
            position === null ? '' : String(position),
            String(limits.repository.positionMs),
            ...rows.flatMap(({ version, value }) => [String(version), print(version, value())]),
          ],
        );
      }),
    );
  }

  /** Publishes the pending invalidations. Until then the cache may have stale entries. */
  async #drain(): Promise<void> {
    // Invalidations may be added while others are being sent: these have to be sent too.
    while (this.#draining !== undefined || !this.#pending.isEmpty) {
      this.#draining ??= this.#sendPending().finally(() => (this.#draining = undefined));
      await this.#draining;
    }
  }

  async #sendPending(): Promise<void> {
    const { keys, position } = this.#pending.take();
    try {
      if (keys === 'all') await this.#forgetAll();
      else await this.#send({ replaced: [], removed: keys }, position);
    } catch (error) {
      this.#pending.add(keys, position);
      throw error;
    }
  }

  /** A server that does not know the scripts was restarted or replaced, so its entries may be older than what was published. */
  async #renew(): Promise<void> {
    await this.#forgetAll();
    const groups = Array.from({ length: this.#link.groups }, (_, group) => group);
    await Promise.all(
      groups.flatMap((group) =>
        SCRIPTS.map(({ text }) => this.#link.send(this.#incarnationOf(group), ['SCRIPT', 'LOAD', text])),
      ),
    );
  }

  async #run({ sha }: Script, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    const command = ['EVALSHA', sha, String(keys.length), ...keys, ...values];
    const [first = ''] = keys;
    try {
      return await this.#link.send(first, command);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      this.#renewing ??= this.#renew().finally(() => (this.#renewing = undefined));
      await this.#renewing;
      return this.#link.send(first, command);
    }
  }

  /** Splits the members by the group of their keys, into commands of at most `KEYS_AT_ONCE` keys. */
  #grouped<Member extends { readonly key: string }>(members: readonly Member[]): Group<Member>[] {
    const { groups } = this.#link;
    const all: Group<Member>[] = [];
    const open = new Map<number, Group<Member>>();
    for (const member of members) {
      const group = groupOf(member.key, groups);
      let own = open.get(group);
      if (own === undefined || own.members.length === KEYS_AT_ONCE) {
        own = { group, members: [] };
        open.set(group, own);
        all.push(own);
      }
      own.members.push(member);
    }
    return all;
  }

  /** The braces make a Redis cluster keep a group on one node. */
  #nameOf(group: number, key: string): string {
    return `${this.#prefix}:{${group}}:${key}`;
  }

  #incarnationOf(group: number): string {
    return this.#nameOf(group, 'incarnation');
  }

  #positionOf(group: number): string {
    return this.#nameOf(group, 'position');
  }
}

interface Group<Member> {
  readonly group: number;
  readonly members: Member[];
}

/** The position as it stands in Redis, or a lease for it. */
interface PositionOfGroup {
  readonly group: number;
  readonly text: string;
}

const NO_LEASE: AbsentEntry = { lease: null };

const newName = (): string => randomBytes((INCARNATION_LENGTH * 3) / 4).toString('base64url');

const print = (version: number, value: unknown): string => `${version}|${JSON.stringify(value)}`;

/** Parses an entry or a lease as Redis stores it; `undefined` if it is neither. */
function parse(text: string): Entry | AbsentEntry | undefined {
  if (text === '') return NO_LEASE;
  if (text[INCARNATION_LENGTH] === '?') return { lease: text };
  const bar = text.indexOf('|', INCARNATION_LENGTH);
  const version = Number(text.slice(INCARNATION_LENGTH, bar));
  if (bar === -1 || !Number.isSafeInteger(version)) return undefined;
  try {
    return { version, value: JSON.parse(text.slice(bar + 1)) as unknown };
  } catch {
    return undefined;
  }
}

/** FNV-1a over the key. */
function groupOf(key: string, groups: number): number {
  if (groups === 1) return 0;
  let hash = 0x811c9dc5;
  for (let place = 0; place < key.length; place++) {
    hash = Math.imul(hash ^ key.charCodeAt(place), 0x01000193);
  }
  return (hash >>> 0) % groups;
}
