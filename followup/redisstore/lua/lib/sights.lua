-- First sights of a lead's events: records of 8 bytes of the event's id and 4 bytes of when it was
-- first seen (real, in seconds), the oldest first. They are remembered for nine days, a day more
-- than promised.
--
-- While they are few they may be a field of the lead's hash, which then is still packed (lib/pack):
-- a key of their own would take several times their size. A lead has the field or the key, never
-- both.
local SIGHT, SIGHT_KEPT, SIGHTS_FEW = 12, 9 * 86400, 5 * 12

-- Returns the first sights. field is the field of the lead's hash; false if there is none.
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

-- Returns the records of ids that are first seen now.
local function sights(ids, real)
  local s = math.floor(real / 1000)
  local at = string.char(math.floor(s / 16777216) % 256, math.floor(s / 65536) % 256, math.floor(s / 256) % 256, s % 256)
  return table.concat(ids, at) .. at
end

-- Adds records to those that were read, and drops those that are too old. few says whether the
-- lead's hash may have them. Returns what the hash's field is to hold, or false if the key holds
-- them.
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
  -- SET removes the expiry. It is put off by the first record of each half day: a later record of
  -- the same half day is kept up to half a day less, which is still more than DedupAge.
  local half = 86400 / 2
  if field or drop > 0 or #seen == 0 or math.floor(sight_seconds(seen, #seen - SIGHT) / half) ~= math.floor(real / 1000 / half) then
    redis.call('EXPIRE', key, SIGHT_KEPT)
  end
  return false
end
