-- Anchors the domain clock, which never goes back.
-- KEYS: 1 meta. ARGV: 1 speed, 2 real.
-- Returns {domain, real} of one instant, in milliseconds.
local was = redis.call('HMGET', KEYS[1], 'domain', 'real', 'speed')
if was[1] and was[3] == ARGV[1] then
  return { was[1], was[2] }
end
local domain = ARGV[2]
if was[1] then
  local passed = math.max(tonumber(ARGV[2]) - tonumber(was[2]), 0)
  domain = string.format('%.0f', tonumber(was[1]) + passed * tonumber(was[3]))
end
redis.call('HSET', KEYS[1], 'domain', domain, 'real', ARGV[2], 'speed', ARGV[1])
return { domain, ARGV[2] }
