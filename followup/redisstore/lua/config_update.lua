-- Replaces a config, if it was last updated at the given time. Repeated with the same request id,
-- it answers the same.
-- KEYS: 1 configs, 2 configs by assistant, 3 control state of the tenant.
-- ARGV: 1 id, 2 when it was last updated, 3 request id, 4 packed config, 5 state, 6 real.
-- Needs lib/control.
-- Returns {"ok", control value}, {"none"} or {"conflict"}.
local was = redis.call('HGET', KEYS[1], ARGV[1])
if not was then return { 'none' } end
local updated, request = string.match(was, '^%d+ (%-?%d+) (%S+) ')
if request == ARGV[3] then
  redis.call('HSET', KEYS[1], ARGV[1], was) -- written again for WAIT
  return { 'ok', redis.call('HGET', KEYS[3], 'c:' .. ARGV[1]) }
end
if updated ~= ARGV[2] then return { 'conflict' } end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
return { 'ok', control_set(KEYS[3], 'c:' .. ARGV[1], ARGV[5], ARGV[6]) }
