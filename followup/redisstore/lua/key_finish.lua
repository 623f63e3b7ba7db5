-- Stores the answer to the request that claimed an idempotency key; nothing if
-- the key was dropped.
-- KEYS: 1 key. ARGV: 1 answer, 2 real, 3 age of a key.
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'a', ARGV[1], 'at', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 'ok'
