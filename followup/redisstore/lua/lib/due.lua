-- A due index: per group a sorted set of members by instant, and one sorted set of groups by the
-- instant of their first member. Claims go round the groups, so a group with a long backlog delays
-- no other.

-- Runs a command that reads from, or removes from, a key that this script may have emptied before.
-- While the key's slot migrates, Redis takes an emptied key to be on the other node, and the error
-- would break the script off half way. Here that error means that the key is empty; emptied then
-- returns nil.
local function emptied(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if not string.find(reply.err, 'non local key', 1, true) then error(reply.err) end
end

local function due_refresh(group, index, name)
  local head = emptied('ZRANGE', group, 0, 0, 'WITHSCORES') or {}
  if head[1] then
    redis.call('ZADD', index, head[2], name)
  else
    emptied('ZREM', index, name)
  end
  return not head[1]
end

local function due_set(group, index, name, member, score)
  redis.call('ZADD', group, score, member)
  due_refresh(group, index, name)
end

-- The same for a member that is not in the group yet. The group's first instant can then only
-- become earlier. A member that is in the group may move to a later instant, and the index would
-- keep the old one until something leaves the group.
local function due_add(group, index, name, member, score)
  redis.call('ZADD', group, score, member)
  redis.call('ZADD', index, 'LT', score, name)
end

-- Removes members. Returns true if they were the group's last.
local function due_del(group, index, name, ...)
  if (emptied('ZREM', group, ...) or 0) > 0 then
    return due_refresh(group, index, name)
  end
end
