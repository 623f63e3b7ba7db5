-- Stores the answer to the request that claimed an idempotency key; does nothing if the key was
-- dropped.
-- KEYS: 1 key. ARGV: 1 answer, 2 real, 3 age of a key.
-- Returns {"newer", format} if a newer replica wrote the key, or {"ok"}.
local v = redis.call('HGET', KEYS[1], 'v')
if v and v ~= '1' then return { 'newer', v } end
if v then
  redis.call('HSET', KEYS[1], 'a', ARGV[1], 'at', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return { 'ok' }
