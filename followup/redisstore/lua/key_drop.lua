-- Deletes an idempotency key, unless another request owns it.
-- KEYS: 1 key. ARGV: 1 request that claimed it.
-- Returns {"newer", format} if a newer replica wrote the key, or {"ok"}.
local f = redis.call('HMGET', KEYS[1], 'v', 'rq')
if f[1] and f[1] ~= '1' then return { 'newer', f[1] } end
if f[2] == ARGV[1] then redis.call('DEL', KEYS[1]) end
return { 'ok' }
