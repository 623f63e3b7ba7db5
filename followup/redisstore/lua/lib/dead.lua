-- Counts the events in dead letters as waiting for an assistant. What was counted is noted:
-- field <member> of a letter: how many events, a space, and the field of the relay backlog that has
-- their sum;
-- field l:<that field>|<lead>: how many of these events are the lead's.
-- So a letter counts once, whatever is repeated, and what it counted is known even if the letter
-- cannot be read.
local function dead_add(counted, backlog, member, entry, sign)
  local n, field = string.match(entry, '^(%d+) (.*)$')
  local function add(key, name)
    if redis.call('HINCRBY', key, name, sign * n) <= 0 then redis.call('HDEL', key, name) end
  end
  add(backlog, field)
  add(counted, 'l:' .. field .. '|' .. string.match(member, '|(.*)$'))
end

local function dead_count(counted, backlog, member, entry)
  if entry ~= '' and redis.call('HSETNX', counted, member, entry) == 1 then dead_add(counted, backlog, member, entry, 1) end
end

local function dead_uncount(counted, backlog, member)
  local entry = redis.call('HGET', counted, member)
  if not entry then return end
  dead_add(counted, backlog, member, entry, -1)
  redis.call('HDEL', counted, member)
end
