-- Notes what was said about templates, in this order. Of each thing said the latest counts.
-- KEYS: 1 notes of the account, 2 their fields by the notes' time.
-- ARGV: 1 instant of the oldest to keep, 2 most to keep, 3 how long to keep them all; then per
-- thing said: field, {a: instant, s: status, c: category, q: quality}.
-- Returns {"newer", format} if a newer replica wrote one of the notes, which is left alone, or
-- {"ok"}.
--
-- A note: v format, a instant of the latest; s, c, q what was said, sa, ca, qa when.
local notes, fields, fresh, newer = {}, {}, 0, nil
for i = 4, #ARGV, 2 do
  local field, req = ARGV[i], cjson.decode(ARGV[i + 1])
  local n = notes[field]
  if not n then
    local was = redis.call('HGET', KEYS[1], field)
    n = was and cjson.decode(was) or { v = 1, a = 0 }
    notes[field] = n
    if n.v == 1 then fields[#fields + 1] = field else newer = n.v end
    if not was then fresh = fresh + 1 end
  end
  if n.v == 1 then
    for _, what in ipairs({ 's', 'c', 'q' }) do
      if req[what] ~= '' and req.a >= (n[what .. 'a'] or 0) then
        n[what], n[what .. 'a'] = req[what], req.a
      end
    end
    n.a = math.max(n.a, req.a)
  end
end

-- Removes some of the notes that are too old, or the oldest of those that are too many. The others
-- go the next time.
local some = 100 + #fields
local many = math.min(redis.call('ZCARD', KEYS[2]) + fresh - tonumber(ARGV[2]), some)
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1], 'LIMIT', 0, some)
if many > #gone then gone = redis.call('ZRANGE', KEYS[2], 0, many + #fields - 1) else many = some end

for _, field in ipairs(gone) do
  if not notes[field] and many > 0 then
    many = many - 1
    redis.call('HDEL', KEYS[1], field)
    redis.call('ZREM', KEYS[2], field)
  end
end
for _, field in ipairs(fields) do
  redis.call('HSET', KEYS[1], field, cjson.encode(notes[field]))
  redis.call('ZADD', KEYS[2], notes[field].a, field)
end
redis.call('PEXPIRE', KEYS[1], ARGV[3]) -- only cleans up
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return newer and { 'newer', tostring(newer) } or { 'ok' }
