-- Deletes a config. Repeated with the same request id, it answers the same: the request id stays in
-- the field q:<config> of the control state.
-- KEYS: 1 configs, 2 configs by assistant, 3 control state of the tenant.
-- ARGV: 1 id, 2 assistant, 3 request id, 4 state (deleted or finish), 5 real.
-- Needs lib/control.
-- Returns {"ok", control value} or {"none"}.
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then
  if redis.call('HGET', KEYS[3], 'q:' .. ARGV[1]) ~= ARGV[3] then return { 'none' } end
  redis.call('HSET', KEYS[3], 'q:' .. ARGV[1], ARGV[3]) -- written again for WAIT
  return { 'ok', redis.call('HGET', KEYS[3], 'c:' .. ARGV[1]) }
end
if redis.call('HGET', KEYS[2], ARGV[2]) == ARGV[1] then redis.call('HDEL', KEYS[2], ARGV[2]) end
redis.call('HSET', KEYS[3], 'q:' .. ARGV[1], ARGV[3])
return { 'ok', control_set(KEYS[3], 'c:' .. ARGV[1], ARGV[4], ARGV[5]) }
