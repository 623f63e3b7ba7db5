-- Takes in what was said of a template. Of each thing said the latest counts.
-- KEYS: 1 notes of the account, 2 the same by when they are of.
-- ARGV: 1 field, 2 {a: instant, s: status, c: category, q: quality}, 3 instant of the oldest to keep,
-- 4 most to keep, 5 how long to keep all of them.
--
-- A note: v format, a instant of the latest; s, c, q what was said, sa, ca, qa when.
local req = cjson.decode(ARGV[2])
local was = redis.call('HGET', KEYS[1], ARGV[1])
local n = was and cjson.decode(was) or { v = 1, a = 0 }
for _, what in ipairs({ 's', 'c', 'q' }) do
  if req[what] ~= '' and req.a >= (n[what .. 'a'] or 0) then
    n[what], n[what .. 'a'] = req[what], req.a
  end
end
n.a = math.max(n.a, req.a)

-- Some of those that are too many, or too old; the others the next time.
local many = redis.call('ZCARD', KEYS[2]) + (was and 0 or 1) - tonumber(ARGV[4])
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[3], 'LIMIT', 0, 100)
if many > #gone then gone = redis.call('ZRANGE', KEYS[2], 0, math.min(many, 100) - 1) end

for _, field in ipairs(gone) do
  if field ~= ARGV[1] then
    redis.call('HDEL', KEYS[1], field)
    redis.call('ZREM', KEYS[2], field)
  end
end
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(n))
redis.call('ZADD', KEYS[2], n.a, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[5]) -- to clean up
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 'ok'
