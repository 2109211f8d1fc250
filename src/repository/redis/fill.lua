-- Fills entries that the reader still holds the lease for.
--
-- KEYS[n]       an entry
-- ARGV[3n - 2]  its lease
-- ARGV[3n - 1]  the new entry
-- ARGV[3n]      its milliseconds
for n, entry in ipairs(KEYS) do
  if redis.call('GET', entry) == ARGV[3 * n - 2] then
    redis.pcall('SET', entry, ARGV[3 * n - 1], 'PX', ARGV[3 * n])
  end
end
