-- Takes in a dead letter of a lead that was merged into this one. If both leads are in the same
-- partition, it replaces the other lead's entry. A letter that was meanwhile replayed, dropped or
-- handed on here does not come back, and a lead that is erased takes in none. The first programs
-- removed letters without noting why; such a letter is taken in, because it would otherwise be
-- lost.
-- KEYS: 1 dead letters by time, 2 those of the tenant, 3 their contents, 4 answered, 5 lead, 6 what
-- is counted of dead letters, 7 relay backlog.
-- ARGV: 1 member, 2 id, 3 when it died, 4 content, 5 its member under the other lead, 6 lead, 7 the
-- other lead, 8 what it counts as, "" if that is not known.
-- Needs lib/dead.
-- Returns "ok" or "gone".
local last = redis.call('GET', KEYS[4]) or ''
local removed = string.sub(last, 1, 3) == 'rm:'
if removed then redis.call('SET', KEYS[4], last, 'PX', 3600000) end -- written again for WAIT
if removed or last == 'mv:' .. ARGV[6] or redis.call('HGET', KEYS[5], 'mv') == 'erased' then return 'gone' end
-- Additions before removals: a set that had become empty could not be created again while its slot
-- migrates.
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
dead_count(KEYS[6], KEYS[7], ARGV[1], ARGV[8])
if redis.call('ZREM', KEYS[1], ARGV[5]) == 1 then redis.call('SET', KEYS[4], 'mv:' .. ARGV[7], 'PX', 3600000) end
redis.call('ZREM', KEYS[2], ARGV[5])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[4])
dead_uncount(KEYS[6], KEYS[7], ARGV[5])
return 'ok'
