-- Settles the events of one lead. It guarantees that each item takes effect once, that all items
-- take effect or none, and that nothing happens for a lead that moved.
-- Needs lib/run, lib/sights, lib/window.
-- KEYS, ARGV[1]: lib/lead.
-- ARGV[2]: {contact, twin: its phone in the other spelling, account, items: [...], most:
-- {assistant: how many events may wait for it in this partition, those in dead letters of the
-- tenant's included}, deep: how many events of this lead may wait}. Without most there is no bound.
-- ARGV[3]: dedup ids of the items, 8 bytes each; an id of all zeros is always fresh.
-- Then per item: relay element, history entry; "" for none. An item with sh has the relay element
-- of the item with that number.
-- Returns {"moved"}, {"none"} if the lead is another tenant's, {"need", assistant…}, {"full",
-- assistant, how many events wait in this partition or -1 if they are this lead's, how many of
-- these are in dead letters} or {"ok", fresh, ended, rearm, corrections, "1" if a queue has become
-- due}.
local req = cjson.decode(ARGV[2])

local before = answered()
if before then return before end
if gone() then return { 'moved' } end
if (get('t') or head.t) ~= head.t then return { 'none' } end
for _, item in ipairs(req.items) do
  if item.rc and item.rc.a ~= '' then
    -- A correction is told to the assistant of the run that the attempt belongs to.
    local a = redis.call('HGET', K.attempts, item.rc.a)
    if a then
      local s = redis.call('HGET', K.runs, int(cjson.decode(a).n))
      local assistant = s and cjson.decode(s).as
      if assistant and not K.queue[assistant] then return { 'need', assistant } end
    end
  end
end
local missing = undeclared()
if missing then return missing end

unsaved = {}

local seen = sights_read(K.dedup, get('fs'))
local NONE = string.rep('\0', 8)
local fresh, first = {}, {}
do
  local added, out = {}, get('oo') == '1'
  for i, item in ipairs(req.items) do
    local id = string.sub(ARGV[3], 8 * i - 7, 8 * i)
    -- An undated stop that was seen before may be the earlier one again. Once that one was taken
    -- back, it counts as a new stop.
    local again = item.ud and not out
    fresh[i] = id == NONE or not added[id] and (again or not sight_known(seen, id))
    if fresh[i] and item.oo ~= nil and (item.oo or item.oat > num('oa')) then out = item.oo end
    if fresh[i] and id ~= NONE then
      added[id] = true
      first[#first + 1] = id
    end
  end
end

-- Nothing has been written so far.
if req.most then
  local looked = {}
  for i, item in ipairs(req.items) do
    if fresh[i] and ARGV[2 + 2 * (item.sh or i)] ~= '' and not looked[item.a] then
      looked[item.a] = true
      local dead = 'd:' .. item.a .. ':' .. head.t
      local all = redis.call('HMGET', K.backlog, item.a, dead)
      local waiting = (all[1] or 0) + (all[2] or 0)
      if waiting >= req.deep then
        dead = tonumber(redis.call('HGET', K.counted, 'l:' .. dead .. '|' .. head.l) or '0')
        if redis.call('LLEN', K.queue[item.a]) + dead >= req.deep then return { 'full', item.a, '-1', int(dead) } end
      end
      if waiting >= req.most[item.a] then return { 'full', item.a, int(waiting) } end
    end
  end
end

if req.account then stand() end
if not get('t') then set('v', '1', 't', head.t) end
if not req.account then
  if not get('cr') then set('cr', int(now)) end
  if learn(req.contact, req.twin) or not get('up') then changed() end
end

local rearm = {}

local function receipt(item)
  local rc = item.rc
  local packed = rc.a ~= '' and redis.call('HGET', K.attempts, rc.a)
  if not packed then return end
  local a = cjson.decode(packed)
  if rc.rk <= a.rk then return end
  a.rk, a.f = rc.rk, rc.f
  if (a.m or '') == '' then a.m = rc.m end
  redis.call('HSET', K.attempts, rc.a, cjson.encode(a))
  correct(rc.a, a)
  if rc.st ~= 'failed' then return end
  if rc.k == 'window_closed' then window_refused(a.c, a.w) end
  if rc.k == 'opted_out' then opt(true, item.at) end
  if rc.k == 'capped' and a.n > 0 then
    -- A contact that is capped must not be written to again within 24 hours, so the next step waits
    -- for that.
    local run = live_find(a.n)
    if run then put_off(run, now + DAY) end
  end
  if rc.k == 'undeliverable' and a.n > 0 then
    local run = live_find(a.n)
    if run then run_end(run, 'undeliverable') end
  end
end

local relayed = {}
for i, item in ipairs(req.items) do
  if fresh[i] then
    local of = item.sh or i -- the item with the relay event
    local event, entry = ARGV[2 + 2 * of], ARGV[3 + 2 * i]
    if event ~= '' and not relayed[of] then
      relayed[of] = true
      enqueue(item.a, event)
    end
    if not req.account then
      if item.op then window_from(item.c, item.at, opener_of(req.contact)) end
      if item.nw then windows_refuse(item.at) end
      if item.oo ~= nil then opt(item.oo, item.oat) end
      if item.op or item.rp or item.ob or entry ~= '' then use(item.c) end
      if item.rp then
        for _, run in ipairs(live) do
          if run.rearm == '1' and run.ending == '' and concerned(run, item.c, item.a) then set('ra:' .. run.assistant, run.status) end
        end
        del('rb:' .. item.a)
        runs_end('replied', function(run) return concerned(run, item.c, item.a) end)
      end
      if item.ob then rearm[#rearm + 1] = spoke(item.c, item.a, item.at < num('w:' .. item.c)) end
      if item.rc then receipt(item) end
      if entry ~= '' then remember(item.c, entry) end
    end
  end
end

queue_all()
-- First sights are written last: if the script is broken off because a slot migrates, it is run
-- again.
if #first > 0 then sights_keep(sights_save(K.dedup, get('fs'), head.f, seen, sights(first, real), real)) end

local flags = {}
for i = 1, #req.items do flags[i] = fresh[i] and '1' or '0' end
return answer({ 'ok', table.concat(flags), ended, rearm, corrections, due })
