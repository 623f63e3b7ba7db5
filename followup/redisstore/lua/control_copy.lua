-- Stores a field of the control state, unless the partition has the same or a newer version.
-- KEYS: 1 control state of a partition. ARGV: 1 field, 2 "<version>:<state>". Returns "ok".
local was = redis.call('HGET', KEYS[1], ARGV[1])
if not was or tonumber(string.match(was, '^%d+')) < tonumber(string.match(ARGV[2], '^%d+')) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return 'ok'
