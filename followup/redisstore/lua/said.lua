-- Needs lib/relay, lib/sights, lib/number.
-- Settles what a lead says in the usual case, with less work than settle.lua, which does everything
-- that is unusual. Usual means: the lead has no run and none is about to start, its contact tells
-- nothing new, and it speaks on one channel to one assistant, which has heard of it and hears all
-- of it. The effect is the same as settle's.
-- KEYS: 1 lead, 2 dedup, 3 windows, 4 relay index, 5 relay backlog, 6 relay queue, 7 relay due set,
-- 8 history.
-- ARGV: 1 request, 2 lead, 3 tenant, 4 assistant, 5 channel, 6 now, 7 real, 8 how many events may
-- wait for the assistant in this partition (-1: no bound), 9 how many of this lead, 10 name, 11
-- phone, 12 user id, 13 the phone in its other spelling, 14 "1" if the lead's hash may have few
-- first sights, 15 dedup ids, 8 bytes each; then per item: the instant from which it opens the
-- window (0: it does not), when that window closes, relay element, history entry ("" for none).
-- Returns what settle returns, or {"unusual"} before anything was written.
local UNUSUAL = { 'unusual' }
local lead, assistant, channel, now, real = ARGV[2], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local had = redis.call('HMGET', KEYS[1], 'rq', 'rr', 't', 'mv', 'lv', 'nm', 'ph', 'ui',
  'qa:' .. assistant, 'w:' .. channel, 'wr:' .. channel, 'wu:' .. channel, 'v', 'fs', 'rb:' .. assistant)

if had[1] == ARGV[1] then
  redis.call('HSET', KEYS[1], 'rq', ARGV[1])
  return cjson.decode(had[2])
end
if had[3] ~= ARGV[3] or had[4] or had[5] or had[9] ~= '1' or had[11] or had[13] ~= '1' or had[15] then
  return UNUSUAL
end
for i = 6, 8 do
  if (had[i] or '') == '' and ARGV[i + 4] ~= '' then return UNUSUAL end
end
if had[7] == ARGV[13] and had[7] ~= '' then return UNUSUAL end

-- The contact who writes, as in opener_of (lib/window); by stays nil if that is whom the record
-- names.
local phone, user, by = had[7] or '', had[8] or '', nil
if ARGV[11] ~= '' and not same_number(ARGV[11], phone) then
  by = ARGV[11] .. ' ' .. ARGV[12]
elseif ARGV[12] ~= '' and ARGV[12] ~= user then
  by = phone .. ' ' .. ARGV[12]
end

local seen = sights_read(KEYS[2], had[14])
local first, known, fresh = {}, {}, {}
local elements, entries, from, closes = {}, {}, tonumber(had[10] or '0'), nil
for i = 1, (#ARGV - 15) / 4 do
  local id, of = string.sub(ARGV[15], 8 * i - 7, 8 * i), 12 + 4 * i
  if known[id] or sight_known(seen, id) then
    fresh[i] = '0'
  else
    fresh[i], known[id], first[#first + 1] = '1', true, id
    if tonumber(ARGV[of]) > from then from, closes = tonumber(ARGV[of]), of + 1 end
    elements[#elements + 1] = ARGV[of + 2]
    if ARGV[of + 3] ~= '' then entries[#entries + 1] = ARGV[of + 3] end
  end
end
local due = ''
fresh = table.concat(fresh)

if #first > 0 then
  if ARGV[8] ~= '-1' then
    local all = redis.call('HMGET', KEYS[5], assistant, 'd:' .. assistant .. ':' .. ARGV[3])
    local waiting = (all[1] or 0) + (all[2] or 0) -- dead letters count
    if waiting >= tonumber(ARGV[8]) or waiting >= tonumber(ARGV[9]) then return UNUSUAL end
  end
  if relay_elements(KEYS[6], KEYS[7], KEYS[4], lead, assistant, ARGV[7], unpack(elements)) then due = '1' end
  relay_count(KEYS[5], assistant, #elements)
  if closes then redis.call('ZADD', KEYS[3], ARGV[closes], lead .. ':' .. channel) end
  local n, half = nil, 86400000 / 2
  if #entries > 0 then
    n = redis.call('RPUSH', KEYS[8], unpack(entries))
    if n > 30 then redis.call('LTRIM', KEYS[8], -30, -1) end
  end
  if n == #entries or math.floor(tonumber(had[12] or '0') / half) ~= math.floor(now / half) then
    redis.call('PEXPIRE', KEYS[8], 30 * 86400000)
  end
end

local fields = { 'rq', ARGV[1], 'rr', '["ok","' .. fresh .. '",{},{},{},"' .. due .. '"]' }
local function field(name, value) fields[#fields + 1], fields[#fields + 2] = name, value end
if #first > 0 then
  field('wu:' .. channel, ARGV[6])
  if closes then field('w:' .. channel, ARGV[closes - 1]) end
  if closes and by then field('wo:' .. channel, ARGV[closes - 1] .. ' ' .. by) end
  -- First sights are written last, as in settle.
  local few = sights_save(KEYS[2], had[14], ARGV[14] == '1', seen, sights(first, real), real)
  if few then
    field('fs', few)
  elseif had[14] then
    redis.call('HDEL', KEYS[1], 'fs')
  end
end
redis.call('HSET', KEYS[1], unpack(fields))
return { 'ok', fresh, {}, {}, {}, due }
