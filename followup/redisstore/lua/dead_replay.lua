-- Puts a dead letter's events at the end of its queue and removes the letter. Repeated with the
-- same request id, it answers the same.
-- KEYS: 1 dead letters by time, 2 those of the tenant, 3 their contents, 4 answered, 5 queue, 6 due
-- set of the assistant, 7 index of the due sets, 8 lead, 9 relay backlog, 10 what is counted of
-- dead letters.
-- ARGV: 1 member, 2 id, 3 request id, 4 lead, 5 assistant, 6 real, 7 tenant, 8 "1" if the lead is a
-- stand-in; then the events.
-- Needs lib/due, lib/relay, lib/dead.
-- Returns "ok", "none", or "moved" if the lead was merged into another: the process that hands the
-- letters over may have read this one already.
if redis.call('HEXISTS', KEYS[3], ARGV[2]) == 0 or redis.call('HGET', KEYS[8], 'mv') == 'erased' then
  return redis.call('GET', KEYS[4]) == ARGV[3] and 'ok' or 'none'
end
if redis.call('HEXISTS', KEYS[8], 'mv') == 1 then return 'moved' end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[2])
redis.call('SET', KEYS[4], ARGV[3], 'PX', 3600000)
-- An erasure or a merge of the lead finds the queue by this field.
redis.call('HSET', KEYS[8], 'qa:' .. ARGV[5], '1')
if ARGV[8] == '1' then -- its hash may be gone
  redis.call('HSET', KEYS[8], 'v', '1', 't', ARGV[7])
  redis.call('PERSIST', KEYS[8])
end
for i = 9, #ARGV do
  relay_elements(KEYS[5], KEYS[6], KEYS[7], ARGV[4], ARGV[5], ARGV[6], relay_wrap(ARGV[i], ARGV[6]))
end
relay_count(KEYS[9], ARGV[5], #ARGV - 8)
dead_uncount(KEYS[10], KEYS[9], ARGV[1])
return 'ok'
