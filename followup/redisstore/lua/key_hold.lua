-- Extends the lease of an idempotency key to the key's whole age, because its owner is about to
-- send.
-- KEYS: 1 key. ARGV: 1 request that claimed it, 2 real, 3 age of a key.
-- Returns {"newer", format} if a newer replica wrote the key, {"stale"} if another request owns it or
-- it is gone, or {"ok"}.
local f = redis.call('HMGET', KEYS[1], 'v', 'rq')
if f[1] and f[1] ~= '1' then return { 'newer', f[1] } end
if f[2] ~= ARGV[1] then return { 'stale' } end
redis.call('HSET', KEYS[1], 'l', string.format('%.0f', ARGV[2] + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { 'ok' }
