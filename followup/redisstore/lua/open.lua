-- Fixes format and number of partitions at the first start.
-- KEYS: 1 meta. ARGV: 1 format that a new store has, 2 partitions (0: as many as are fixed), 3
-- default number of partitions.
-- Returns {format, partitions} as they are fixed.
if redis.call('HEXISTS', KEYS[1], 'format') == 0 then
  local partitions = ARGV[2]
  if partitions == '0' then partitions = ARGV[3] end
  redis.call('HSET', KEYS[1], 'format', ARGV[1], 'partitions', partitions)
end
return redis.call('HMGET', KEYS[1], 'format', 'partitions')
