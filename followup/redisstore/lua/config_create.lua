-- Creates a config, unless it exists or its assistant has one. Repeated with the same request id,
-- it answers the same.
-- KEYS: 1 configs, 2 configs by assistant, 3 control state of the tenant.
-- ARGV: 1 id, 2 assistant, 3 request id, 4 packed config, 5 state, 6 real.
-- Needs lib/control.
-- Returns {"ok", control value} or {"exists"}.
local was = redis.call('HGET', KEYS[1], ARGV[1])
if was and string.match(was, '^%d+ %-?%d+ (%S+) ') == ARGV[3] then
  redis.call('HSET', KEYS[1], ARGV[1], was) -- written again for WAIT
  return { 'ok', redis.call('HGET', KEYS[3], 'c:' .. ARGV[1]) or '' }
end
if was or redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then return { 'exists' } end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[1])
if ARGV[5] == '' then return { 'ok', '' } end
return { 'ok', control_set(KEYS[3], 'c:' .. ARGV[1], ARGV[5], ARGV[6]) }
