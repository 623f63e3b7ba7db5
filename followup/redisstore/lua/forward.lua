-- Returns what the last steps of a merged lead have to tell, for the lead's heir.
-- Needs lib/lead.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {a: assistant, done: how many elements the heir has, of all
-- there ever were}.
-- Returns {"none"} if the lead has no heir, {"unfinished"} if the merge is unfinished, or {"ok",
-- how many elements were forwarded before, {element…}, the lead it was merged into}.
local req = cjson.decode(ARGV[2])

local moved = get('mv') or 'erased'
if moved == 'erased' then return { 'none' } end
if get('mq:' .. req.a) then return { 'unfinished' } end
local before = num('fo:' .. req.a)
if req.done > before then
  redis.call('LTRIM', K.queue[req.a], req.done - before, -1)
  relay_count(K.backlog, req.a, before - req.done)
  before = req.done
  set('fo:' .. req.a, int(before))
end
local elements = redis.call('LRANGE', K.queue[req.a], 0, -1)
if #elements == 0 then due_del(K.relaydue[req.a], K.relays, req.a, head.l) end
return { 'ok', int(before), elements, moved }
