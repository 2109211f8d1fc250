-- Reads entries, and grants the reader leases for those that are absent or of a lower version than the least.
--
-- KEYS[1]  the incarnation
-- KEYS[2]  the position
-- KEYS[3…] entries
-- ARGV[1]  a name that was never used: of the leases, and of the incarnation where there is none
-- ARGV[2]  milliseconds of a lease
-- ARGV[3]  the least version; 0: any
-- Returns the text that each key has by then, in the order of the keys; empty if it could not be stored.
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
return found
