-- Claims the delivery at the head of a queue, if it may be tried now. The first claim freezes the
-- delivery: its id and its number of events stay until it is finished. Repeated with the same token
-- it answers the same.
-- KEYS: 1 queue, 2 frozen delivery, 3 due set of the assistant, 4 index of the due sets, 5 lead.
-- ARGV: 1 lead, 2 assistant, 3 token, 4 id for a new delivery, 5 real, 6 end of the lease, 7 most
-- events, 8 about how many bytes of them (0: no bound).
-- Needs lib/due.
-- Returns {}, {"newer"} if a newer replica wrote the lead, {"moved", tenant} if the lead was merged
-- into another, or {id, token, first, tries, rejected, tenant, last inbound, refused, used at,
-- {element…}}.
--
-- Fields of a frozen delivery: v format, id, n events, first claim, tries, rejected, seen by the
-- assistant although no try counts, token of the claim that is out, last request that finished a
-- claim; ones: how many events at the head were split and go one by one, since: when these were
-- first tried.
local head = redis.call('LINDEX', KEYS[1], 0)
if not head then
  due_del(KEYS[3], KEYS[4], ARGV[2], ARGV[1])
  redis.call('DEL', KEYS[2])
  return {}
end

local lead = redis.call('HMGET', KEYS[5], 'mv', 't', 'v')
if (lead[3] or '1') ~= '1' then
  -- A newer replica wrote the lead, and delivers its events. The queue is looked at again in a
  -- second, in case that replica goes away.
  due_set(KEYS[3], KEYS[4], ARGV[2], ARGV[1], tonumber(ARGV[5]) + 1000)
  return { 'newer' }
end
if lead[1] then
  -- The caller forwards the events. The queue is looked at again in a second, in case that fails.
  due_set(KEYS[3], KEYS[4], ARGV[2], ARGV[1], tonumber(ARGV[5]) + 1000)
  return { 'moved', lead[2] }
end

local f = redis.call('HMGET', KEYS[2], 'id', 'n', 'first', 'tries', 'rejected', 'token', 'ones', 'since')
local id, n, first, tries, rejected = f[1], f[2], f[3], tonumber(f[4] or '0'), f[5] or '0'
local held = f[6] or ''
if held ~= ARGV[3] then
  local may = tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]) or ARGV[5])
  if may > tonumber(ARGV[5]) then return {} end
  -- The lease of another claim ran out, and nobody knows how far that claim came.
  if held ~= '' then tries = tries + 1 end
end

-- An element is decoded only if another encoder wrote it. An element that is nested too deeply for
-- cjson, or is not JSON, must not block its queue.
local function channel(element)
  local c = string.match(element, '^{"t":%d+,"e":{"c":"([^"]*)"')
  if c then return c end
  local ok, e = pcall(cjson.decode, element)
  local event = ok and type(e) == 'table' and e.e
  return type(event) == 'table' and type(event.c) == 'string' and event.c or ''
end

-- A raw webhook is delivered in a request of its own.
local function raw(element) return string.find(element, '^{"t":%d+,"e":{"c":"[^"]*","r":') end

local here = channel(head)
local elements
if not id then
  -- Read one by one, so that at most one element is read in vain.
  id, first, n, elements = ARGV[4], ARGV[5], 1, { head }
  local size, events, most = #head, tonumber(ARGV[7]), tonumber(ARGV[8])
  if f[7] then first, events = f[8], 1 end
  if raw(head) then events = 1 end
  while n < events do
    local e = redis.call('LINDEX', KEYS[1], n)
    if not e or channel(e) ~= here or raw(e) then break end
    size = size + #e
    if most > 0 and size > most then break end
    n = n + 1
    elements[n] = e
  end
end
redis.call('HSET', KEYS[2], 'v', '1', 'id', id, 'n', n, 'first', first, 'tries', tries, 'rejected', rejected,
  'token', ARGV[3])
redis.call('PERSIST', KEYS[2])
due_set(KEYS[3], KEYS[4], ARGV[2], ARGV[1], ARGV[6])

local facts = redis.call('HMGET', KEYS[5], 't', 'w:' .. here, 'wr:' .. here, 'wu:' .. here)
return {
  id, ARGV[3], first, tries, rejected, facts[1] or '', facts[2] or '0', facts[3] or '', facts[4] or '0',
  elements or redis.call('LRANGE', KEYS[1], 0, tonumber(n) - 1),
}
