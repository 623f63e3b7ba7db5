-- Takes over a field of control state, if it is newer than the one here.
-- KEYS: 1 control state of a partition. ARGV: 1 field, 2 "<version>:<state>".
local was = redis.call('HGET', KEYS[1], ARGV[1])
if not was or tonumber(string.match(was, '^%d+')) < tonumber(string.match(ARGV[2], '^%d+')) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return 'ok'
