-- Queues what forward handed over; each element once.
-- Needs lib/lead.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {from: lead, a: assistant, before: how many elements were
-- forwarded before, after: a lead that may have had some of them, or absent}; then the elements.
-- Returns {"moved"}, {"early"} if the lead in after was not imported yet, or {"ok", how many
-- elements this lead has had in all}.
local req = cjson.decode(ARGV[2])

if get('mv') then return { 'moved' } end
if req.after and get('im:' .. req.after) ~= '1' then return { 'early' } end
local counter = 'fw:' .. req.from .. ':' .. req.a
-- This lead may have become the heir only after some elements were forwarded. Those went to the
-- heir before it.
local had, all = math.max(num(counter), req.before), req.before + #ARGV - 2
for i = had - req.before + 1, #ARGV - 2 do enqueue(req.a, ARGV[2 + i]) end
set(counter, int(math.max(had, all)))
queue_all()
return { 'ok', int(math.max(had, all)) }
