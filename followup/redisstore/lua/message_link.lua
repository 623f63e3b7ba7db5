-- Adds to what is known of a message under one of its ids. A field that is known already stays as
-- it is.
-- KEYS: 1 message, 2 receipts parked. ARGV: 1 how long to keep the message; then the fields a, s,
-- p, o.
-- Returns {"newer", format} if a newer replica wrote it, or {a, s, p, o, {receipt…}}. The receipts
-- stay parked.
--
-- Fields: v format, a attempt, s the id its sender was given, p the provider's id, o what the
-- sender wanted back with every status.
local v = redis.call('HGET', KEYS[1], 'v')
if v and v ~= '1' then return { 'newer', v } end
redis.call('HSET', KEYS[1], 'v', '1')
for i, f in ipairs({ 'a', 's', 'p', 'o' }) do
  if (redis.call('HGET', KEYS[1], f) or '') == '' then redis.call('HSET', KEYS[1], f, ARGV[i + 1]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1]) -- only cleans up
local m = redis.call('HMGET', KEYS[1], 'a', 's', 'p', 'o')
return { m[1], m[2], m[3], m[4], redis.call('LRANGE', KEYS[2], 0, -1) }
