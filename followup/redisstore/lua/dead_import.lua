-- Takes in a dead letter of a lead that was merged into this one. In the same
-- partition it replaces the other's.
-- KEYS: 1 dead letters by time, 2 those of the tenant, 3 their contents.
-- ARGV: 1 member, 2 id, 3 when it died, 4 content, 5 member as the other lead's.
redis.call('ZREM', KEYS[1], ARGV[5])
redis.call('ZREM', KEYS[2], ARGV[5])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[4])
return 'ok'
