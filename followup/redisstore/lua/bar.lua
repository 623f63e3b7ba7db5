-- Keeps a lead from ever being merged into one that is being erased, or, while he is himself, into anybody.
-- Needs lib/lead.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {from: that lead, "": anybody}.
-- Returns {"moved"} if it was merged, or erased, before, or {"ok"}.
if get('mv') then return { 'moved' } end
if not get('t') then set('v', '1', 't', head.t) end
set('no:' .. cjson.decode(ARGV[2]).from, '1')
return { 'ok' }
