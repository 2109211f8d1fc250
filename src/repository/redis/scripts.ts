import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * The scripts that Redis runs, each in one step, so that no other client comes between.
 *
 * An entry is `<incarnation><version>|<JSON>`, or `<incarnation>?<token>` where a reader holds the lease for it. An
 * incarnation is the name of one life of the cache; an entry of another one counts as absent. One new name therefore
 * invalidates everything at once. The server forgets scripts when it restarts, and a replica that takes over never
 * knew them: whoever then finds them missing gives the cache a new name before loading them, since what was restored
 * may be older than what was published.
 *
 * The position is that of the last commit that was published, as `<digits>`; it is known to be the last only if it
 * was never lost since it was first told. If none stands, a reader therefore gets a lease, and the position that the primary tells
 * from then on may be put in its place: `?<name>:<digits>`, the digits being the last one published under the lease.
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
