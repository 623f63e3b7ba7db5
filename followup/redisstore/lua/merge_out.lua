-- Makes a lead, or a stand-in, a tombstone and hands over what it holds. Repeated, it hands over
-- the same until erase runs with keep. What the tombstone's last steps have to tell from then on is
-- forwarded; mq:<assistant> says from which element on. A delivery that is out becomes void.
-- Needs lib/run, lib/sights.
-- KEYS, ARGV[1]: lib/lead, with all assistants and channels of the lead; then per assistant its
-- frozen delivery. ARGV[2]: {to: lead}.
-- Returns {"erased"}, {"erasing"} if this lead is being erased, {"barred"} if the lead in to is,
-- {"need", assistant…}, {"need channel", channel} or {"ok", ended, fields (mv: the lead it goes to,
-- which another caller may have chosen), dedup, attempts, {channel…}, {history…}, {assistant…},
-- {queue…}}.
local req = cjson.decode(ARGV[2])

local moved = get('mv')
if moved == 'erased' then return { 'erased' } end
if not moved and get('no:') then return { 'erasing' } end
if not moved and get('no:' .. req.to) then return { 'barred' } end
local missing = undeclared()
if missing then return missing end
local more = overlooked()
if more then return more end
if moved then
  set('mv', moved) -- written again for WAIT
else
  -- A step in sending goes on; finish records it here, where its run is.
  runs_end('merged')
  queue_all()
  set('v', '1', 't', head.t, 'mv', req.to)
  if head.s then set('b', head.q) end
  for i, a in ipairs(head.a) do
    set('mq:' .. a, redis.call('LLEN', K.queue[a]))
    redis.call('DEL', frozen(i))
  end
  answer(ended)
end
ended = answered() or {} -- a repetition by another caller has ended nothing
local histories, queues = {}, {}
for i, c in ipairs(head.c) do
  histories[i] = redis.call('LRANGE', K.history[c], 0, -1)
  redis.call('ZREM', K.windows, head.l .. ':' .. c)
end
for i, a in ipairs(head.a) do
  local n = num('mq:' .. a)
  queues[i] = n > 0 and redis.call('LRANGE', K.queue[a], 0, n - 1) or {}
end
return {
  'ok', ended, redis.call('HGETALL', K.lead), sights_read(K.dedup, get('fs')),
  redis.call('HGETALL', K.attempts), head.c, histories, head.a, queues,
}
