-- Writes a lead's record if the record still has the revision that was read, and does what a change
-- of status does to the lead's runs.
-- Needs lib/run, lib/window.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {rev, fields: {..}, clear: [..], status: bool, out: bool,
-- margin: ms, from: ms or 0, channel, arm: {...} or absent}. ARGV[3]: the facts of arm, packed.
-- Returns {"moved"}, {"need", assistant…}, {"none"}, {"conflict"} or {"ok", run, ended}.
local req = cjson.decode(ARGV[2])

local before = answered()
if before then return before end
if get('mv') then return { 'moved' } end
if (get('t') or head.t) ~= head.t then return { 'none' } end
if num('rev') ~= req.rev then return { 'conflict' } end
local missing = undeclared()
if missing then return missing end

-- This is written at once, not with the rest: after an abort a repetition may find the record
-- without the phone that it had.
local phone, user = req.fields.ph or '', req.fields.ui or ''
if named() ~= phone .. ' ' .. user then openers_keep(phone, user) end

unsaved = {}
if not get('t') then set('v', '1', 't', head.t) end
if not get('cr') then set('cr', int(now)) end
set('up', int(now), 'rev', int(req.rev + 1))
if (get('oo') == '1') ~= req.out then
  -- WhatsApp gives times in whole seconds. A stop within the second of this resume, or within
  -- margin of it as another clock may see it, counts as later.
  local at = req.out and now or math.floor(now / 1000) * 1000 - req.margin
  set('oa', int(math.max(at, num('oa'))))
end
for field, value in pairs(req.fields) do set(field, value) end
del(unpack(req.clear))

if req.from > 0 and req.channel ~= '' then window_from(req.channel, math.min(req.from, now)) end
if req.out then runs_end('opted_out') end

local run = ''
if req.status then
  local by = req.arm and req.arm.assistant
  local list = {}
  for i, r in ipairs(live) do list[i] = r end
  for _, r in ipairs(list) do run_end(r, r.assistant == by and 'restarted' or 'status_left') end
  for _, f in ipairs(names()) do
    if string.find(f, '^r[ab]:') then del(f) end
  end
  if req.arm then run = run_start(req.arm, ARGV[3]) end
end
return answer({ 'ok', run, ended })
