-- Takes a channel's next slot, unless the slot is too far off: then nothing is written. Repeated
-- with the same request id, it gives the same slot.
-- KEYS: 1 pace of the channel. ARGV: 1 interval in ms, 2 burst, 3 longest wait in ms, 4 real, 5
-- request id, 6 longest wait of any caller in ms.
-- Returns how long to wait, in ms.
--
-- Fields: n next free slot, rq request that took the last one, w how long that request was to wait.
local f = redis.call('HMGET', KEYS[1], 'n', 'rq', 'w')
if f[2] == ARGV[5] then return f[3] end
local interval, burst, longest, real = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local slot = math.max(tonumber(f[1] or '0'), real)
-- No caller waits for a slot so far off, so none has taken it: it comes from a clock that was
-- ahead, or from a slower pace.
if slot - burst * interval - real > tonumber(ARGV[6]) then slot = real end
local ms = math.max(slot - (burst - 1) * interval - real, 0)
local wait = string.format('%.17g', ms)
if ms > longest then return wait end
redis.call('HSET', KEYS[1], 'n', string.format('%.17g', slot + interval), 'rq', ARGV[5], 'w', wait)
redis.call('PEXPIRE', KEYS[1], 86400000) -- only cleans up; a slot in the past means nothing
return wait
