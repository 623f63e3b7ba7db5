-- Queues what forward handed over; each element once.
-- Needs lib/lead.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {from: lead, a: assistant, before: elements forwarded before, after: a lead
-- that may have had some of them, or absent}; then the elements.
-- Returns {"moved"}, {"early"} before that lead was imported, or {"ok", how many elements it has had in all}.
local req = cjson.decode(ARGV[2])

if get('mv') then return { 'moved' } end
if req.after and get('im:' .. req.after) ~= '1' then return { 'early' } end
local counter = 'fw:' .. req.from .. ':' .. req.a
-- A lead that had none of those forwarded before became the heir since: the one before has them, or had.
local had, all = math.max(num(counter), req.before), req.before + #ARGV - 2
for i = had - req.before + 1, #ARGV - 2 do enqueue(req.a, ARGV[2 + i]) end
set(counter, int(math.max(had, all)))
queue_all()
return { 'ok', int(math.max(had, all)) }
