-- Imports what merge_out handed over; once per loser.
-- Needs lib/run, lib/sights, lib/window.
-- KEYS, ARGV[1]: lib/lead, with the loser's assistants and channels.
-- ARGV[2]: {from: the loser, if it is a stand-in together with its b, stand_in: bool, fields: {..},
-- custom: the custom fields, joined with the winner's; "" for none, had: what the winner's were
-- then, windows: {channel: {w, wo: who opened it, wr, wu}}, histories: [[..]], queues: [[..]],
-- attempts: {..}, out: bool, outat: ms, crm: ms, imported: [lead], forwarded: {field: n}, after: a
-- lead that the loser may have been imported into, or absent}.
-- ARGV[3]: the loser's dedup records.
-- Returns {"moved"}, {"early"} if the lead in after was not imported yet, {"again"} if the winner's
-- custom fields are not had, {"need", assistant…} or {"ok", ended}.
local req = cjson.decode(ARGV[2])

local before = answered()
if before then return before end
if get('mv') then return { 'moved' } end
if get('im:' .. req.from) == '1' then
  set('im:' .. req.from, '1') -- written again for WAIT
  return { 'ok', {} }
end
if req.after and get('im:' .. req.after) ~= '1' then return { 'early' } end
if req.custom ~= '' and (get('cf') or '') ~= req.had then return { 'again' } end
local missing = undeclared()
if missing then return missing end

if not get('t') then set('v', '1', 't', head.t) end
if not req.stand_in then -- a stand-in has no record
  if not get('cr') then set('cr', int(now)) end
  changed()
end
if req.crm > num('crm') then set('crm', int(req.crm)) end
fill(req.fields)
if req.custom ~= '' and req.custom ~= req.had then set('cf', req.custom) end
for channel, w in pairs(req.windows) do
  local had = get('w:' .. channel) or get('wu:' .. channel) or get('wr:' .. channel)
  if not had or w.w > num('w:' .. channel) then
    window_from(channel, w.w, w.wo ~= '' and w.wo ~= named() and w.wo or nil)
    if w.wr == '1' then window_refused(channel, w.w) end
  end
  if w.wu > num('wu:' .. channel) then
    set('wu:' .. channel, int(w.wu))
    -- Otherwise use, called within the same half day, would take the history's expiry to be put off
    -- already.
    redis.call('PEXPIRE', K.history[channel], 30 * DAY)
  end
end
-- Of the loser's attempts the winner needs only what they say of windows and opt-out. The runs, and
-- so the corrections, stay where they were.
for id, packed in pairs(req.attempts) do
  local a = cjson.decode(packed)
  a.n = 0
  redis.call('HSET', K.attempts, id, cjson.encode(a))
end
if ARGV[3] ~= '' then
  sights_keep(sights_save(K.dedup, get('fs'), head.f, sights_read(K.dedup, get('fs')), ARGV[3], real))
end
for i, channel in ipairs(head.c) do
  local theirs = req.histories[i] or {}
  if #theirs > 0 then
    local entries = redis.call('LRANGE', K.history[channel], 0, -1)
    for _, e in ipairs(theirs) do entries[#entries + 1] = e end
    local ordered = {} -- table.sort is not stable
    for n, e in ipairs(entries) do ordered[n] = { at = cjson.decode(e).a, n = n, entry = e } end
    table.sort(ordered, function(x, y)
      if x.at ~= y.at then return x.at < y.at end
      return x.n < y.n
    end)
    -- The list is never empty in between: a migrating slot would break the script off there.
    for _, o in ipairs(ordered) do redis.call('RPUSH', K.history[channel], o.entry) end
    redis.call('LTRIM', K.history[channel], -math.min(#ordered, 30), -1)
    redis.call('PEXPIRE', K.history[channel], 30 * DAY)
  end
end
for i, assistant in ipairs(head.a) do
  for _, element in ipairs(req.queues[i] or {}) do enqueue(assistant, element) end
end
opt(req.out, req.outat)
set('im:' .. req.from, '1')
-- What the loser had imported from others must not be imported again.
for _, lead in ipairs(req.imported) do set('im:' .. lead, '1') end
for field, n in pairs(req.forwarded) do
  if n > num(field) then set(field, int(n)) end
end
return answer({ 'ok', ended })
