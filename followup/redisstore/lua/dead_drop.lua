-- Removes a dead letter. Repeated with the same request id, it answers the same.
-- KEYS: 1 dead letters by time, 2 those of the tenant, 3 their contents, 4 answered, 5 lead, 6 what
-- is counted of dead letters, 7 relay backlog.
-- ARGV: 1 member, 2 id, 3 request id: it begins with "rm:", or is "mv:<lead>" of the lead that
-- handed the letter on, 4 "1": only if the lead has not been merged away.
-- Needs lib/dead.
-- Returns "ok", "none" or "moved".
--
-- The member names the lead. This matters because the lead to which the letter was handed on may be
-- in this partition, too.
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return redis.call('GET', KEYS[4]) == ARGV[3] and 'ok' or 'none'
end
if ARGV[4] == '1' and (redis.call('HGET', KEYS[5], 'mv') or 'erased') ~= 'erased' then return 'moved' end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[2])
redis.call('SET', KEYS[4], ARGV[3], 'PX', 3600000)
dead_uncount(KEYS[6], KEYS[7], ARGV[1])
return 'ok'
