-- A due index: per group a sorted set of members by instant, and one sorted
-- set of groups by the instant of their first member. Claims go round the
-- groups, so one with a long backlog delays no other.
local function due_refresh(group, index, name)
  local head = redis.call('ZRANGE', group, 0, 0, 'WITHSCORES')
  if head[1] then
    redis.call('ZADD', index, head[2], name)
  else
    redis.call('ZREM', index, name)
  end
  return not head[1]
end

local function due_set(group, index, name, member, score)
  redis.call('ZADD', group, score, member)
  due_refresh(group, index, name)
end

-- Returns whether it was the group's last.
local function due_del(group, index, name, member)
  if redis.call('ZREM', group, member) == 1 then
    return due_refresh(group, index, name)
  end
end
