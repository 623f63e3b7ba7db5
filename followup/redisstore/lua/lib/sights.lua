-- First sights of a lead's events: records of 8 bytes of id and 4 bytes of when (real, in seconds), the
-- oldest first. They are remembered for nine days, a day more than promised.
--
-- While they are few they may be a field of the lead's hash, which is still packed then (lib/pack): a key of
-- their own is several times as much as they are. A lead has one of both, or none.
local SIGHT, SIGHT_KEPT, SIGHTS_FEW = 12, 9 * 86400, 5 * 12

-- What was seen. field is what the lead's hash has of it; false for nothing.
local function sights_read(key, field)
  return field or redis.call('GET', key) or ''
end

local function sight_seconds(seen, offset)
  local a, b, c, d = string.byte(seen, offset + 9, offset + 12)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function sight_known(seen, id)
  local at = string.find(seen, id, 1, true)
  while at and (at - 1) % SIGHT ~= 0 do at = string.find(seen, id, at + 1, true) end
  return at ~= nil
end

-- The records of ids that are seen now.
local function sights(ids, real)
  local s = math.floor(real / 1000)
  local at = string.char(math.floor(s / 16777216) % 256, math.floor(s / 65536) % 256, math.floor(s / 256) % 256, s % 256)
  return table.concat(ids, at) .. at
end

-- Adds records to those that were read, and drops what is too old of them. few says whether the lead's hash may
-- have them. Returns what it is to have, or false: then the key has them.
local function sights_save(key, field, few, seen, added, real)
  local drop, limit = 0, math.floor(real / 1000) - SIGHT_KEPT
  while drop < #seen and sight_seconds(seen, drop) < limit do drop = drop + SIGHT end
  if few and (field or seen == '') and #seen - drop + #added <= SIGHTS_FEW then
    return string.sub(seen, drop + 1) .. added
  end
  if field or drop > 0 then
    redis.call('SET', key, string.sub(seen, drop + 1) .. added)
  else
    redis.call('APPEND', key, added)
  end
  -- SET takes the end away. Put off when the first of half a day comes: what comes later in it is kept half
  -- a day less, which is more than DedupAge still.
  local half = 86400 / 2
  if field or drop > 0 or #seen == 0 or math.floor(sight_seconds(seen, #seen - SIGHT) / half) ~= math.floor(real / 1000 / half) then
    redis.call('EXPIRE', key, SIGHT_KEPT)
  end
  return false
end
