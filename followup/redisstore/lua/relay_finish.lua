-- Ends a claim that relay_take made. Only the holder of the token changes anything. Repeated with
-- the same request id, it answers "ok" again.
-- KEYS: 1 queue, 2 frozen delivery, 3 due set of the assistant, 4 index of the due sets, 5 dead
-- letters by time, 6 those of the tenant, 7 their contents, 8 relay backlog, 9 lead, 10 what is
-- counted of dead letters.
-- ARGV: 1 lead, 2 assistant, 3 token, 4 request id, 5 delivered|release|keep|split|retry|dead, 6
-- when to retry, 7 rejected (0 or 1), 8 member of the dead letter, 9 real, 10 the letter's id, 11
-- its content, 12 "1" if the lead is a stand-in, 13 what the letter counts as.
-- Needs lib/due, lib/relay, lib/dead.
-- Returns "ok" or "stale".
local f = redis.call('HMGET', KEYS[2], 'token', 'last', 'n', 'tries', 'seen', 'ones', 'since', 'first')
if (f[1] or '') == '' or f[1] ~= ARGV[3] then
  return f[2] == ARGV[4] and 'ok' or 'stale'
end

local verb, tries, waiting = ARGV[5], tonumber(f[4]), 0
if verb == 'retry' then
  redis.call('HSET', KEYS[2], 'token', '', 'last', ARGV[4], 'tries', tries + 1)
  redis.call('HINCRBY', KEYS[2], 'rejected', ARGV[7])
  due_set(KEYS[3], KEYS[4], ARGV[2], ARGV[1], ARGV[6])
  return 'ok'
end

if verb == 'keep' then redis.call('HSET', KEYS[2], 'seen', '1') end
if verb == 'keep' or verb == 'release' and (tries > 0 or f[5]) then
  redis.call('HSET', KEYS[2], 'token', '', 'last', ARGV[4])
else
  local n, ones, since = tonumber(f[3]), tonumber(f[6] or '0'), f[7]
  if verb == 'dead' then
    redis.call('ZADD', KEYS[5], ARGV[9], ARGV[8])
    redis.call('ZADD', KEYS[6], ARGV[9], ARGV[8])
    redis.call('HSET', KEYS[7], ARGV[10], ARGV[11])
    dead_count(KEYS[10], KEYS[8], ARGV[8], ARGV[13])
  end
  if verb == 'split' then
    ones, since = n, f[8]
  elseif verb ~= 'release' then
    redis.call('LTRIM', KEYS[1], n, -1)
    waiting = relay_count(KEYS[8], ARGV[2], -n)
    ones = ones - n
  end
  -- last stays for this request's repetition, and ones and since for events that were split. The
  -- rest of the queue will be cut into deliveries anew.
  redis.call('HSET', KEYS[2], 'v', '1', 'last', ARGV[4])
  redis.call('HDEL', KEYS[2], 'id', 'n', 'first', 'tries', 'rejected', 'token', 'seen', 'ones', 'since')
  if ones > 0 then
    redis.call('HSET', KEYS[2], 'ones', ones, 'since', since)
  else
    redis.call('PEXPIRE', KEYS[2], 3600000)
  end
end
local head = emptied('LINDEX', KEYS[1], 0)
if head then
  -- The queue is due as if it had just been waiting its turn: since its first event was settled.
  due_set(KEYS[3], KEYS[4], ARGV[2], ARGV[1], string.match(head, '^{"t":(%d+)') or ARGV[9])
elseif due_del(KEYS[3], KEYS[4], ARGV[2], ARGV[1]) and waiting > 0 then
  -- Nothing waits for the assistant here, so the count is wrong, for whatever reason.
  redis.call('HDEL', KEYS[8], ARGV[2])
end
if not head and ARGV[12] == '1' then
  -- A stand-in goes when nothing waits under it for anybody.
  redis.call('HSET', KEYS[9], 'qa:' .. ARGV[2], '0')
  local all, waits = redis.call('HGETALL', KEYS[9]), false
  for i = 1, #all, 2 do waits = waits or string.sub(all[i], 1, 3) == 'qa:' and all[i + 1] == '1' end
  if not waits then redis.call('PEXPIRE', KEYS[9], 3600000) end
end
return 'ok'
