-- Forgets an idempotency key.
-- KEYS: 1 key. Returns {"newer", format} if a newer replica wrote it, or {"ok"}.
local v = redis.call('HGET', KEYS[1], 'v')
if v and v ~= '1' then return { 'newer', v } end
redis.call('DEL', KEYS[1])
return { 'ok' }
