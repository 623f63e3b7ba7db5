-- Needs lib/due and lib/relay. What every script about one lead begins with.
--
-- KEYS, fixed: 1 lead, 2 runs, 3 attempts, 4 steps due (of the tenant),
-- 5 steps index, 6 step leases, 7 control, 8 windows, 9 relay index, 10 dedup, 11 relay backlog,
-- 12 what is counted of dead letters;
-- then for each assistant of the head: its relay queue and its relay due set;
-- then for each channel of the head: the history.
-- ARGV[1]: the head, {l: lead, t: tenant, n: now, r: real, q: request, a: [assistant], c: [channel],
-- s: true if it is a stand-in, f: true if its hash may have few first sights}.
--
-- Fields of the lead's hash:
--   v format, t tenant, mv moved ("erased" or the lead it was merged into),
--   nm ph ui em co cf xi ai ci st oo cr up rev crm: the record, oa when the last word on opt-out was said,
--   w:<channel> last message that opened the window, by the provider's time,
--   wo:<channel> who wrote it, if that is not whom the record names (lib/window),
--   wr:<channel> "1" if the provider refused since,
--   wu:<channel> last use either way,
--   fs first sights while they are few (lib/sights),
--   lv numbers of the live runs, r<n> f<n> k<n> s<n> a live run (lib/pack), rs runs so far,
--   rq the last request that changed something, rr its answer, as attempts so far, ao the oldest that may be kept if they
--   are many, ra:<assistant> status of a waiting rearm,
--   sq request that started a run by hand last|the run's number,
--   rb:<assistant> once the business has spoken for which that waited, until the lead answers: what the window of the
--   channel counted from, a space, the channel,
--   qa:<assistant> "1" once its relay queue was used (of a stand-in "0" when it is empty again), im:<lead> "1" if imported, "0" if about to be,
--   no:<lead> "1" if it must not be merged into that one, which is being erased, no: "1" if it is being erased itself,
--   mq:<assistant> while it is being merged: elements of the queue that are handed over,
--   of a stand-in: b which merge hands it over, pu until when (real) it points to mv, once it was,
--   fo:<assistant> elements forwarded since, fw:<lead>:<assistant> elements had of that lead.
local head = cjson.decode(ARGV[1])
local now, real = head.n, head.r
local K = {
  lead = KEYS[1], runs = KEYS[2], attempts = KEYS[3], due = KEYS[4], index = KEYS[5],
  leases = KEYS[6], control = KEYS[7], windows = KEYS[8], relays = KEYS[9], dedup = KEYS[10],
  backlog = KEYS[11], counted = KEYS[12],
  queue = {}, relaydue = {}, history = {},
}
do
  local i = 12
  for _, a in ipairs(head.a) do
    K.queue[a], K.relaydue[a] = KEYS[i + 1], KEYS[i + 2]
    i = i + 2
  end
  for _, c in ipairs(head.c) do
    i = i + 1
    K.history[c] = KEYS[i]
  end
end

-- Milliseconds do not survive tostring, which rounds to 14 digits with an exponent.
local now_text = string.format('%d', now)
local function int(n)
  if n == now then return now_text end
  return string.format('%d', n)
end

-- What was read of the lead's hash; false for what it does not have. With so few fields as it nearly always has
-- it is read whole: where it is packed (lib/pack), to look for one field is to look through all of them.
local fields = {}
local whole = redis.call('HLEN', K.lead) <= 128

local function get(field)
  local value = fields[field]
  if value == nil then
    value = not whole and redis.call('HGET', K.lead, field)
    fields[field] = value
  end
  return value
end

-- Reads fields that are likely to be asked for, at once.
local function fetch(names)
  if whole then return end
  local values = redis.call('HMGET', K.lead, unpack(names))
  for i = 1, #names do
    if fields[names[i]] == nil then fields[names[i]] = values[i] end
  end
end

local function num(field)
  return tonumber(get(field) or '0')
end

-- What nearly every script asks for, in one go; of the few who name many assistants or channels a part.
if whole then
  local all = redis.call('HGETALL', K.lead)
  for i = 1, #all, 2 do fields[all[i]] = all[i + 1] end
else
  local names = { 'v', 'rq', 'mv', 't', 'lv', 'oo', 'rs', 're' }
  for i = 1, math.min(#head.a, 20) do
    local a = head.a[i]
    names[#names + 1], names[#names + 2], names[#names + 3] = 'qa:' .. a, 'ra:' .. a, 'rb:' .. a
  end
  for i = 1, math.min(#head.c, 20) do
    local c = head.c[i]
    names[#names + 1], names[#names + 2], names[#names + 3] = 'w:' .. c, 'wr:' .. c, 'wu:' .. c
  end
  fetch(names)
end

-- Whoever wrote the lead speaks for all that is the lead's: a newer replica may keep it
-- in a way that we would misread.
if (get('v') or '1') ~= '1' then return { 'newer', get('v') } end

-- Names of fields that save is still to write, in order, and each of them as a key; nil: all is written at once.
local unsaved

local function save()
  local list = {}
  for i = 1, #unsaved do
    local value = fields[unsaved[i]]
    if value then list[#list + 1], list[#list + 2] = unsaved[i], value end
  end
  if #list > 0 then redis.call('HSET', K.lead, unpack(list)) end
  unsaved = {}
end

local function set(...)
  local at_once = not unsaved
  if at_once then unsaved = {} end
  for i = 1, select('#', ...), 2 do
    local field, value = select(i, ...)
    fields[field] = type(value) == 'number' and int(value) or value
    if not unsaved[field] then unsaved[#unsaved + 1], unsaved[field] = field, true end
  end
  if at_once then
    save()
    unsaved = nil
  end
end

local function del(...)
  local there = {} -- and what may be, as it was not read
  for _, field in ipairs({ ... }) do
    if fields[field] or not whole and fields[field] == nil then there[#there + 1] = field end
    fields[field] = false
  end
  if #there > 0 then redis.call('HDEL', K.lead, unpack(there)) end
end

-- Has the lead's hash have few first sights (lib/sights), or false: none.
local function sights_keep(few)
  if few then
    set('fs', few)
  elseif get('fs') then
    del('fs')
  end
end

-- Counts a field up.
local function inc(field)
  local n = num(field) + 1
  set(field, int(n))
  return n
end

-- What is longer would unpack the lead (lib/pack). So of an answer that names runs the part that their ids have in
-- common with the lead's is kept as one byte, which is in no JSON.
local LONG, common = 64, string.sub(head.l, 1, 30)

-- A request that is made again, because its answer was lost, is given that answer.
-- Of each lead the last is kept: what came between has changed it on purpose.
-- It is written anew: since Redis 7.2 a WAIT asks only for what its connection wrote.
local function answered()
  if get('rq') ~= head.q then return false end
  set('rq', head.q)
  return cjson.decode((string.gsub(get('rr'), '\1', common)))
end

-- Whether the lead is another by now, or nobody. To what a stand-in points, it points for
-- a time only.
local function gone()
  return get('mv') and not (head.s and get('pu') and real >= num('pu'))
end

local HOUR = 3600000

-- Has a stand-in point to a lead.
local function point(to)
  set('v', '1', 't', head.t, 'mv', to, 'pu', int(real + HOUR))
  redis.call('PEXPIRE', K.lead, HOUR)
end

-- What a script has made of a stand-in: "new", or "used" as something waits under it.
local standing

-- Makes a stand-in, or has it stand for somebody again.
local function stand()
  if get('mv') then
    redis.call('DEL', K.lead)
    fields = {}
  end
  if get('t') then return end
  set('v', '1', 't', head.t)
  standing = 'new'
end

-- It goes an hour after the last that waited under it; first sights are kept apart.
local function stood()
  if standing == 'used' then redis.call('PERSIST', K.lead) end
  if standing == 'new' then redis.call('PEXPIRE', K.lead, HOUR) end
end

-- The names of all fields, those that are still to be written among them; of a lead with many some may come twice.
local function names()
  local list = whole and {} or redis.call('HKEYS', K.lead)
  for field, value in pairs(fields) do
    if value then list[#list + 1] = field end
  end
  return list
end

-- What a script that takes all of the lead must ask for: an assistant or channel of
-- the lead that was not declared, because it came after the caller had looked.
local function overlooked()
  for _, field in ipairs(names()) do
    local assistant = string.match(field, '^qa:(.*)$')
    if assistant and not K.queue[assistant] then return { 'need', assistant } end
    local channel = string.match(field, '^w[ur]?:(.*)$')
    if channel and not K.history[channel] then return { 'need channel', channel } end
  end
end

local queued = {} -- per assistant: elements that are still to be queued
local due = ''    -- "1": a queue has become due by this script
local leaving = {} -- steps that are still to leave the due set

-- Queues them, and counts them. A merge may bring more than fit into one call. What leaves
-- the due set does so now, behind what comes: if that emptied it, it could not be made
-- anew while its slot migrates.
local AT_ONCE = 500
local function queue_all()
  for assistant, list in pairs(queued) do
    local queue, group = K.queue[assistant], K.relaydue[assistant]
    for i = 1, #list, AT_ONCE do
      local last = math.min(i + AT_ONCE - 1, #list)
      if relay_elements(queue, group, K.relays, head.l, assistant, int(real), unpack(list, i, last)) then due = '1' end
    end
    relay_count(K.backlog, assistant, #list)
  end
  queued = {}
  if #leaving > 0 then due_del(K.due, K.index, head.t, unpack(leaving)) end
  leaving = {}
end

local closing = {} -- per channel: when its window closes, to be indexed; false if it is not to be

-- Indexes the windows, what comes before what goes: an index that was emptied could not be
-- made anew while its slot migrates.
local function windows_index()
  for channel, at in pairs(closing) do
    if at then redis.call('ZADD', K.windows, int(at), head.l .. ':' .. channel) end
  end
  for channel, at in pairs(closing) do
    if not at then emptied('ZREM', K.windows, head.l .. ':' .. channel) end
  end
end

local function answer(reply)
  queue_all()
  windows_index()
  local told = cjson.encode(reply)
  if #told > LONG then told = string.gsub(told, (string.gsub(common, '%W', '%%%0')), '\1') end
  set('rq', head.q, 'rr', told)
  if unsaved then save() end
  stood()
  return reply
end

-- The frozen delivery of the i-th assistant of the head, where they are declared,
-- behind everything else.
local function frozen(i)
  return KEYS[12 + 2 * #head.a + #head.c + i]
end

-- Puts an element into the assistant's queue, when queue_all or answer is called.
local function enqueue(assistant, element)
  if get('qa:' .. assistant) ~= '1' then set('qa:' .. assistant, '1') end
  if head.s then standing = 'used' end
  queued[assistant] = queued[assistant] or {}
  table.insert(queued[assistant], element)
end

-- The same for one event (JSON), queued now.
local function relay(assistant, event)
  enqueue(assistant, relay_wrap(event, int(real)))
end

-- The record is not what somebody read before.
local function changed()
  inc('rev')
  set('up', int(now))
end

local DAY = 86400000

-- The conversation was used now. Its history's end is put off twice a day at most.
local function use(channel)
  local before = num('wu:' .. channel)
  if math.floor(before / DAY * 2) ~= math.floor(now / DAY * 2) then redis.call('PEXPIRE', K.history[channel], 30 * DAY) end
  set('wu:' .. channel, int(now))
end

local function remember(channel, entry)
  local n = redis.call('RPUSH', K.history[channel], entry)
  if n > 30 then redis.call('LTRIM', K.history[channel], -30, -1) end
  if n == 1 then redis.call('PEXPIRE', K.history[channel], 30 * DAY) end
end

-- The states that operators and config changes put on things: "" for none.
local function controls(...)
  local states = redis.call('HMGET', K.control, ...)
  for i = 1, select('#', ...) do states[i] = states[i] and string.match(states[i], '^%d+:(.*)$') or '' end
  return unpack(states)
end
