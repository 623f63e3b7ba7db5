-- Removes what is known of a lead or, with keep, all that merge_out handed over of a merged lead.
-- What stays is a tombstone that holds nobody's data. A stand-in points to a lead afterwards, or
-- goes.
-- Needs lib/run.
-- KEYS, ARGV[1]: lib/lead, with all assistants and channels of the lead; then per assistant its
-- frozen delivery.
-- ARGV[2]: {keep: bool, to: the lead that a stand-in points to afterwards, "": none, as: {field,
-- value}: erase only if the field has that value, or absent, buried: leads merged into this one
-- that are erased, or absent}.
-- Returns {"need", assistant…}, {"need channel", channel}, {"first", lead…} if other leads must be
-- erased before it is forgotten that they were merged into this one, or {"ok", ended}.
local req = cjson.decode(ARGV[2])

-- Leaves only these fields in the lead's hash. The hash is never gone in between: while its slot
-- migrates it could not be created again, and there would be no tombstone.
local function only(list)
  local keep = {}
  for i = 1, #list, 2 do keep[list[i]] = true end
  set(unpack(list))
  for _, f in ipairs(redis.call('HKEYS', K.lead)) do
    if not keep[f] then redis.call('HDEL', K.lead, f) end
  end
end

local missing = undeclared()
if missing then return missing end
local more = overlooked()
if more then return more end
local moved = get('mv')
if req.as and get(req.as[1]) ~= req.as[2] then return { 'ok', ended } end
if req.keep then
  if not moved then return { 'ok', ended } end
else
  local buried, first = {}, { 'first' }
  for _, lead in ipairs(req.buried or {}) do buried['im:' .. lead] = true end
  for _, f in ipairs(names()) do
    -- The names of stand-ins contain a slash; they are found by the identities.
    if string.match(f, '^im:[^/]*$') and not buried[f] then first[#first + 1] = string.sub(f, 4) end
  end
  if #first > 1 then return first end
  moved = 'erased'
  for _, run in ipairs(live) do
    if run.state ~= 'armed' then run.state = 'claimed' end -- the result of one in sending is of no interest
  end
  runs_end('erased')
  redis.call('DEL', K.runs)
end
for _, c in ipairs(head.c) do
  redis.call('DEL', K.history[c])
  emptied('ZREM', K.windows, head.l .. ':' .. c)
end
queue_all()
local told = {} -- assistants for which the tombstone itself still has events
for i, a in ipairs(head.a) do
  local had = redis.call('LLEN', K.queue[a])
  if req.keep then
    redis.call('LTRIM', K.queue[a], num('mq:' .. a), -1)
  else
    redis.call('DEL', K.queue[a])
    redis.call('DEL', frozen(i))
  end
  local left = emptied('LLEN', K.queue[a]) or 0
  relay_count(K.backlog, a, left - had)
  if left > 0 then
    told[#told + 1] = a
  else
    due_del(K.relaydue[a], K.relays, a, head.l)
  end
end
if head.s then
  redis.call('DEL', K.lead, K.dedup)
  if req.to ~= '' then point(req.to) end
elseif req.keep then
  -- A run of the tombstone that was in sending has yet to be finished.
  local keep = { 'v', get('v'), 't', get('t'), 'mv', moved, 'rs', get('rs') or '0', 'as', get('as') or '0' }
  for _, a in ipairs(told) do
    keep[#keep + 1] = 'qa:' .. a
    keep[#keep + 1] = '1'
  end
  for _, f in ipairs(names()) do
    local kind = string.sub(f, 1, 3)
    if kind == 'im:' or kind == 'fo:' then
      keep[#keep + 1] = f
      keep[#keep + 1] = get(f)
    end
  end
  for _, run in ipairs(live) do
    for _, name in ipairs({ run_fields(run.n) }) do
      if get(name) then
        keep[#keep + 1] = name
        keep[#keep + 1] = get(name)
      end
    end
  end
  if get('lv') then
    keep[#keep + 1] = 'lv'
    keep[#keep + 1] = get('lv')
  end
  only(keep)
  redis.call('DEL', K.dedup)
else
  only({ 'v', '1', 't', head.t, 'mv', moved })
  redis.call('DEL', K.attempts, K.dedup)
end
return { 'ok', ended }
