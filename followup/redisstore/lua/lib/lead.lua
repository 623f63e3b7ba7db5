-- Needs lib/due and lib/relay.
-- Every script about one lead begins with this library.
--
-- KEYS, fixed: 1 lead, 2 runs, 3 attempts, 4 steps due (of the tenant), 5 steps index, 6 step
-- leases, 7 control, 8 windows, 9 relay index, 10 dedup, 11 relay backlog, 12 what is counted of
-- dead letters;
-- then for each assistant of the head: its relay queue and its relay due set;
-- then for each channel of the head: the history;
-- then, if the script declares them, for each assistant of the head: its frozen delivery.
-- ARGV[1]: the head, {l: lead, t: tenant, n: now, r: real, q: request, a: [assistant], c:
-- [channel], s: true if the lead is a stand-in, f: true if its hash may have few first sights}.
--
-- Fields of the lead's hash:
--   v format, t tenant, mv where the lead moved: "erased", or the lead it was merged into,
--   nm ph ui em co cf xi ai ci st oo cr up rev crm: the record, oa when the last word on opt-out was said,
--   w:<channel> when the last message that opened the window was sent, by the provider's time,
--   wo:<channel> who wrote it, if that is not whom the record names (lib/window),
--   wr:<channel> "1" if the provider has refused a message since,
--   wu:<channel> when the conversation was last used, in either direction,
--   fs first sights while they are few (lib/sights),
--   lv numbers of the live runs, r<n> f<n> k<n> s<n> a live run (lib/pack), rs how many runs so far,
--   re number of the oldest run that may still be readable,
--   rq the last request that changed something, rr its answer,
--   as how many attempts so far, ao number of the oldest one that may be kept, if there are many,
--   ra:<assistant> a rearm waits, for as long as the lead has this status,
--   rb:<assistant> once the business has spoken, for which that rearm waited, until the lead answers: what
--     the channel's window counted from, a space, the channel,
--   sq the last request that started a run by hand, |, the number of the run,
--   qa:<assistant> "1" once its relay queue was used; a stand-in's is "0" when the queue is empty again,
--   im:<lead> "1" if that lead was imported, "0" if it is about to be,
--   no:<lead> "1" if this lead must not be merged into that one, which is being erased,
--   no: "1" if this lead is being erased itself,
--   mq:<assistant> while the lead is being merged: how many elements of the queue are handed over,
--   fo:<assistant> how many elements were forwarded since,
--   fw:<lead>:<assistant> how many elements that lead has forwarded to this one,
--   of a stand-in: b the merge that hands it over, pu until when (real) it points to mv.
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

-- tostring rounds milliseconds to 14 digits with an exponent.
local now_text = string.format('%d', now)
local function int(n)
  if n == now then return now_text end
  return string.format('%d', n)
end

-- The fields of the lead's hash that were read; false for a field that the hash does not have. A
-- hash with few fields, the usual case, is read whole: in a packed hash (lib/pack) Redis looks
-- through all the fields to find one.
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

-- Reads in one call several fields that are likely to be needed.
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

-- Reads in one call what nearly every script needs; for a head that names many assistants or
-- channels, only a part of that.
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

-- The lead's format covers everything that belongs to the lead. A newer replica may store it in a
-- form that this script would misread.
if (get('v') or '1') ~= '1' then return { 'newer', get('v') } end

-- The names of the fields that save has yet to write: in order, and each also as a key. While this
-- is nil, set writes at once.
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
  local there = {} -- fields that exist, or that were not read and may exist
  for _, field in ipairs({ ... }) do
    if fields[field] or not whole and fields[field] == nil then there[#there + 1] = field end
    fields[field] = false
  end
  if #there > 0 then redis.call('HDEL', K.lead, unpack(there)) end
end

-- Stores few first sights in the lead's hash (lib/sights); false: the hash is to have none.
local function sights_keep(few)
  if few then
    set('fs', few)
  elseif get('fs') then
    del('fs')
  end
end

-- Increments a field.
local function inc(field)
  local n = num(field) + 1
  set(field, int(n))
  return n
end

-- A longer field would unpack the lead's hash (lib/pack). The ids of runs have this part in common
-- with the lead's id. So an answer that names runs is stored with one byte in place of the common
-- part, a byte that is in no JSON.
local LONG, common = 64, string.sub(head.l, 1, 30)

-- Returns the answer to a request that is repeated because its answer was lost, or false if the
-- request is another one. Only the last answer is kept per lead: a request that came in between has
-- changed the lead on purpose. The request id is written again because, since Redis 7.2, a WAIT
-- asks only for what its own connection wrote.
local function answered()
  if get('rq') ~= head.q then return false end
  set('rq', head.q)
  return cjson.decode((string.gsub(get('rr'), '\1', common)))
end

-- Whether the lead was merged or erased. A stand-in points to another lead for a limited time only.
local function gone()
  return get('mv') and not (head.s and get('pu') and real >= num('pu'))
end

local HOUR = 3600000

-- Makes a stand-in point to a lead.
local function point(to)
  set('v', '1', 't', head.t, 'mv', to, 'pu', int(real + HOUR))
  redis.call('PEXPIRE', K.lead, HOUR)
end

-- What this script has done to a stand-in: "new" if it created it, "used" if something waits under
-- it.
local standing

-- Creates a stand-in, or makes one that points to a lead stand for somebody again.
local function stand()
  if get('mv') then
    redis.call('DEL', K.lead)
    fields = {}
  end
  if get('t') then return end
  set('v', '1', 't', head.t)
  standing = 'new'
end

-- A stand-in goes an hour after nothing waits under it any more; its first sights have a key of
-- their own.
local function stood()
  if standing == 'used' then redis.call('PERSIST', K.lead) end
  if standing == 'new' then redis.call('PEXPIRE', K.lead, HOUR) end
end

-- Returns the names of all fields, including those that save has yet to write. Of a lead with many
-- fields some names may come twice.
local function names()
  local list = whole and {} or redis.call('HKEYS', K.lead)
  for field, value in pairs(fields) do
    if value then list[#list + 1] = field end
  end
  return list
end

-- Returns what a script that takes all of the lead must ask for: an assistant or channel of the
-- lead that was not declared because it was added after the caller had looked.
local function overlooked()
  for _, field in ipairs(names()) do
    local assistant = string.match(field, '^qa:(.*)$')
    if assistant and not K.queue[assistant] then return { 'need', assistant } end
    local channel = string.match(field, '^w[ur]?:(.*)$')
    if channel and not K.history[channel] then return { 'need channel', channel } end
  end
end

local queued = {} -- per assistant: elements that are yet to be queued
local due = ''    -- "1" if this script has made a queue due
local leaving = {} -- steps that are yet to leave the due set

-- Queues the elements and counts them, in chunks, because a merge may bring more than fit into one
-- call. Steps that leave the due set leave it only here, after others were added: a set that had
-- become empty could not be created again while its slot migrates.
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

local closing = {} -- per channel: when its window closes, to be indexed; false to remove it from the index

-- Indexes the windows, additions before removals: an index that had become empty could not be
-- created again while its slot migrates.
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

-- Returns the key of the frozen delivery of the head's i-th assistant, where these are declared.
-- They come last among the keys.
local function frozen(i)
  return KEYS[12 + 2 * #head.a + #head.c + i]
end

-- Adds an element to the assistant's queue once queue_all or answer is called.
local function enqueue(assistant, element)
  if get('qa:' .. assistant) ~= '1' then set('qa:' .. assistant, '1') end
  if head.s then standing = 'used' end
  queued[assistant] = queued[assistant] or {}
  table.insert(queued[assistant], element)
end

-- The same for one event (JSON) that is queued now.
local function relay(assistant, event)
  enqueue(assistant, relay_wrap(event, int(real)))
end

-- Notes that the record changed, so that a caller who read it before meets a conflict.
local function changed()
  inc('rev')
  set('up', int(now))
end

local DAY = 86400000

-- Notes that the conversation is used now. The expiry of its history is put off twice a day at
-- most.
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

-- Returns the states that operators and config changes gave the named fields of the control state;
-- "" for none.
local function controls(...)
  local states = redis.call('HMGET', K.control, ...)
  for i = 1, select('#', ...) do states[i] = states[i] and string.match(states[i], '^%d+:(.*)$') or '' end
  return unpack(states)
end
