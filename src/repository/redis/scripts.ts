import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * The scripts that Redis runs, each atomically.
 *
 * An entry is `<incarnation><version>|<JSON>`, or `<incarnation>?<token>` while a reader holds the lease for it. An
 * incarnation is the name of one life of the cache; an entry of another one counts as absent. One new name therefore
 * invalidates everything at once. The server forgets scripts when it restarts, and a replica that takes over never
 * knew them: the process that finds them missing gives the cache a new name before it loads them, since the restored
 * entries may be older than what was published.
 *
 * The position is that of the last published commit, as `<digits>`. Once the position has been lost, later commits alone
 * do not tell whether it is the last. A reader that finds none therefore gets a lease, `?<name>:<digits>`, whose digits are
 * the last position published since, and which a position that the primary tells after the lease may replace.
 */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

function script(name: string): Script {
  const text = readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/** Length of the name of an incarnation. */
export const INCARNATION_LENGTH = 12;

export const READ = script('read');
export const FILL = script('fill');
export const PUBLISH = script('publish');
export const LEARN = script('learn');

export const SCRIPTS = [READ, FILL, PUBLISH, LEARN];
