-- Removes a dead letter. Repeated with the same request id, it answers the same.
-- KEYS: 1 dead letters by time, 2 those of the tenant, 3 their contents, 4 answered.
-- ARGV: 1 member, 2 id, 3 request id.
-- Returns "ok" or "none".
if redis.call('HEXISTS', KEYS[3], ARGV[2]) == 0 then
  return redis.call('GET', KEYS[4]) == ARGV[3] and 'ok' or 'none'
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[2])
redis.call('SET', KEYS[4], ARGV[3], 'PX', 3600000)
return 'ok'
