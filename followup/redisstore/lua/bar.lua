-- Keeps a lead from ever being merged into a lead that is being erased or, if the lead is being
-- erased itself, into any lead.
-- Needs lib/lead.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {from: the lead that is being erased, "": any lead}.
-- Returns {"moved"} if the lead was merged or erased before, or {"ok"}.
if get('mv') then return { 'moved' } end
if not get('t') then set('v', '1', 't', head.t) end
set('no:' .. cjson.decode(ARGV[2]).from, '1')
return { 'ok' }
