import { createHash } from 'node:crypto';

/**
 * What Redis does in one step each, so that no other client comes between.
 *
 * An entry is `<incarnation><version>|<JSON>`, or `<incarnation>?<token>` where a reader holds the lease for it. An
 * incarnation is the name of one life of the cache; what bears another one is as good as absent. So one new name
 * invalidates everything at once. The server forgets scripts when it restarts, and a replica that takes over never
 * knew them: whoever then finds them missing gives the cache a new name before loading them, since what was restored
 * may be older than what was published.
 *
 * The position is that of the last commit that was published, as `<digits>`; it is known to be the last only if it
 * was never lost since it was first told. So where none stands a reader gets a lease, and what the primary says from
 * then on may be put in its place: `?<name>:<digits>`, the digits being the last one published under the lease.
 */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

const script = (text: string): Script => ({ text, sha: createHash('sha1').update(text).digest('hex') });

/** Whether a position is beyond another: more than Lua's numbers can tell apart. */
const LATER = `
local function later(one, other)
  return #one > #other or (#one == #other and one > other)
end`;

/** Length of the name of an incarnation. */
export const INCARNATION_LENGTH = 12;

/**
 * KEYS: incarnation, position, entries. ARGV: a name that was never used, for the leases, and for the incarnation in
 * case there is none; milliseconds of a lease; the least version. Answers for each key, in their order: with what stands
 * there, and leases for what is absent or of a lower version.
 */
export const READ = script(`
local found = redis.call('MGET', unpack(KEYS))
local incarnation = found[1]
if not incarnation then
  incarnation = ARGV[1]
  redis.pcall('SET', KEYS[1], incarnation)
  found[1] = incarnation
end
if not found[2] then
  local set = redis.pcall('SET', KEYS[2], '?' .. ARGV[1] .. ':', 'PX', ARGV[2])
  found[2] = set.err and '' or '?' .. ARGV[1] .. ':'
end
local lease = incarnation .. '?' .. ARGV[1]
local find = string.find
local least = tonumber(ARGV[3])
local function isLess(standing)
  local version = string.match(standing, '^(%d+)|', #incarnation + 1)
  return version and tonumber(version) < least
end
for n = 3, #found do
  local standing = found[n]
  if not standing or find(standing, incarnation, 1, true) ~= 1 or (least > 0 and isLess(standing)) then
    local set = redis.pcall('SET', KEYS[n], lease, 'PX', ARGV[2])
    found[n] = set.err and '' or lease
  end
end
return found`);

/** KEYS: entries. ARGV, for each: its lease, the new entry, its milliseconds. */
export const FILL = script(`
for n, entry in ipairs(KEYS) do
  if redis.call('GET', entry) == ARGV[3 * n - 2] then
    redis.pcall('SET', entry, ARGV[3 * n - 1], 'PX', ARGV[3 * n])
  end
end`);

/**
 * KEYS: incarnation, position, rows that are replaced, what is removed. ARGV: how many are replaced; the position,
 * `unknown`, or nothing; its milliseconds; for each row its version and the entry without its incarnation. What cannot
 * be stored, since the memory is full, is removed.
 */
export const PUBLISH = script(`${LATER}
local incarnation = redis.call('GET', KEYS[1])
local replaced = tonumber(ARGV[1])
for n = 1, replaced do
  local entry = KEYS[n + 2]
  local standing = redis.call('GET', entry)
  if standing then
    local version
    if incarnation and string.sub(standing, 1, #incarnation) == incarnation then
      version = string.match(standing, '^(%d+)|', #incarnation + 1)
    end
    if not version then
      redis.call('DEL', entry)
    elseif tonumber(version) < tonumber(ARGV[2 * n + 2]) then
      local set = redis.pcall('SET', entry, incarnation .. ARGV[2 * n + 3], 'KEEPTTL')
      if set.err then redis.call('DEL', entry) end
    end
  end
end
for n = replaced + 3, #KEYS do
  redis.call('UNLINK', KEYS[n])
end
local standing = redis.call('GET', KEYS[2])
if ARGV[2] == 'unknown' then
  redis.call('DEL', KEYS[2])
elseif standing and ARGV[2] ~= '' then
  local lease, position = string.match(standing, '^(.-)(%d*)$')
  if later(ARGV[2], position) then
    local set = redis.pcall('SET', KEYS[2], lease .. ARGV[2], 'PX', ARGV[3])
    if set.err then redis.call('DEL', KEYS[2]) end
  end
end`);

/** KEYS: position. ARGV: the lease for it, what the primary said since then, its milliseconds. */
export const LEARN = script(`${LATER}
local standing = redis.call('GET', KEYS[1])
if standing and string.sub(standing, 1, #ARGV[1]) == ARGV[1] then
  local position = string.sub(standing, #ARGV[1] + 1)
  if later(ARGV[2], position) then position = ARGV[2] end
  local set = redis.pcall('SET', KEYS[1], position, 'PX', ARGV[3])
  if set.err then redis.call('DEL', KEYS[1]) end
end`);

export const SCRIPTS = [READ, FILL, PUBLISH, LEARN];
