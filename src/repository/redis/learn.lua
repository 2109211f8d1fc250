-- Replaces the lease for the position by the position that the primary told, or by a later one that was published since.
--
-- KEYS[1]  the position
-- ARGV[1]  the lease for it
-- ARGV[2]  the position that the primary told under the lease
-- ARGV[3]  milliseconds of the position

-- Positions have more digits than Lua's numbers can tell apart.
local function later(one, other)
  return #one > #other or (#one == #other and one > other)
end
local standing = redis.call('GET', KEYS[1])
if standing and string.sub(standing, 1, #ARGV[1]) == ARGV[1] then
  local position = string.sub(standing, #ARGV[1] + 1)
  if later(ARGV[2], position) then position = ARGV[2] end
  local set = redis.pcall('SET', KEYS[1], position, 'PX', ARGV[3])
  if set.err then redis.call('DEL', KEYS[1]) end
end
