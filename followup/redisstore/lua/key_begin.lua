-- Claims an idempotency key. Repeated with the same request id, it answers the same.
-- KEYS: 1 key. ARGV: 1 fingerprint, 2 real, 3 end of the lease, 4 request id, 5 age of a key.
-- Returns {"newer", format} if a newer replica wrote the key, or {"new"|"busy"|"done"|"mismatch",
-- answer}.
--
-- Fields: v format, f fingerprint, l end of the lease, at when it was begun or finished, rq request
-- that claimed it, a answer once finished.
local f = redis.call('HMGET', KEYS[1], 'f', 'l', 'at', 'rq', 'a', 'v')
if f[6] and f[6] ~= '1' then return { 'newer', f[6] } end
local real = tonumber(ARGV[2])
if f[1] and real - tonumber(f[3]) < tonumber(ARGV[5]) then
  if f[1] ~= ARGV[1] then return { 'mismatch', '' } end
  if f[5] then return { 'done', f[5] } end
  if f[4] == ARGV[4] then return { 'new', '' } end
  if real < tonumber(f[2]) then return { 'busy', '' } end
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'v', '1', 'f', ARGV[1], 'l', ARGV[3], 'at', ARGV[2], 'rq', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5]) -- only cleans up; the age is checked above
return { 'new', '' }
