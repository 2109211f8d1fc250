-- Publishes the changes of a commit: replaces entries of lower versions, and removes entries that changed without a new
-- value. An entry that cannot be stored, since the memory is full, is removed.
--
-- KEYS[1]       the incarnation
-- KEYS[2]       the position
-- KEYS[3…]      entries that are replaced, and behind them those that are removed
-- ARGV[1]       how many are replaced
-- ARGV[2]       the position of the commit; `unknown`; empty: it stays as it is
-- ARGV[3]       milliseconds of the position
-- ARGV[2n + 2]  the version of the n-th entry that is replaced
-- ARGV[2n + 3]  the entry without its incarnation

-- Positions have more digits than Lua's numbers can tell apart.
local function later(one, other)
  return #one > #other or (#one == #other and one > other)
end
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
end
