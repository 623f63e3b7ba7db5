-- Finds a message by one of its ids. If there is none, it parks a receipt; the oldest one gives
-- way. Repeated with the same request id it parks once, but writes again all the same, so that a
-- WAIT behind it waits for replicas.
-- KEYS: 1 message, 2 receipts parked. ARGV: 1 request id ("": park nothing), 2 receipt, 3 most
-- receipts, 4 how long to keep them.
-- Returns {}, {"newer", format} if a newer replica wrote the message, or {attempt, sender's id,
-- provider's id, opaque, "1" if receipts are parked}.
local m = redis.call('HMGET', KEYS[1], 'v', 'a', 's', 'p', 'o')
if m[1] and m[1] ~= '1' then return { 'newer', m[1] } end
if m[1] then
  return { m[2], m[3], m[4], m[5] or '', redis.call('EXISTS', KEYS[2]) == 1 and '1' or '' }
end
if ARGV[1] == '' then return {} end
local parked = false
for _, r in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  parked = parked or string.find(r, ARGV[1], 1, true) ~= nil
end
if not parked then
  redis.call('RPUSH', KEYS[2], ARGV[2])
  redis.call('LTRIM', KEYS[2], -tonumber(ARGV[3]), -1)
end
redis.call('PEXPIRE', KEYS[2], ARGV[4]) -- only cleans up
return {}
