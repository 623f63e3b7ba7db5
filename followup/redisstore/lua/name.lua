-- Gives a lead the identities that Resolve found to be the lead's.
-- Needs lib/window.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {field: value}.
-- Returns {"moved"} or {"ok", the record's phone}.
if get('mv') then return { 'moved' } end
if not get('t') then set('v', '1', 't', head.t) end
local learned = not get('cr')
if learned then set('cr', int(now)) end
if learn(cjson.decode(ARGV[2])) or learned then changed() end
return { 'ok', get('ph') or '' }
