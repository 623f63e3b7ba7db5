-- Notes that a lead is about to be merged into this one: im:<lead> is "0" until merge_in has
-- imported it.
-- Needs lib/lead.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {from: lead}.
-- Returns {"moved"} or {"ok"}.
if get('mv') then return { 'moved' } end
local field = 'im:' .. cjson.decode(ARGV[2]).from
if not get('t') then set('v', '1', 't', head.t) end
set(field, get(field) or '0')
return { 'ok' }
