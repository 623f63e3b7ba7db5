-- Gives a lead the identities that Resolve found it by, where it lacks them.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {field: value}.
-- Returns {"moved"} or {"ok"}.
if get('mv') then return { 'moved' } end
if not get('t') then set('v', '1', 't', head.t) end
local learned = not get('cr')
if learned then set('cr', int(now)) end
for field, value in pairs(cjson.decode(ARGV[2])) do
  if value ~= '' and (get(field) or '') == '' then
    set(field, value)
    learned = true
  end
end
if learned then changed() end
return { 'ok' }
