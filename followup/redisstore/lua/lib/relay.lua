-- Adds to the number of events that wait for an assistant in this partition, and returns the sum. A
-- script that makes a queue longer or shorter calls it once with the whole difference.
local function relay_count(backlog, assistant, by)
  if by == 0 then return 0 end
  local waiting = redis.call('HINCRBY', backlog, assistant, by)
  if waiting <= 0 then redis.call('HDEL', backlog, assistant) end
  return waiting
end

-- Appends elements to the queue of a lead and an assistant, and makes the queue due unless it is in
-- the due set already: waiting, leased or backing off. Returns whether it was not.
local function relay_elements(queue, group, index, lead, assistant, real, ...)
  redis.call('RPUSH', queue, ...)
  if redis.call('ZADD', group, 'NX', real, lead) == 0 then return false end
  redis.call('ZADD', index, 'LT', real, assistant)
  return true
end

-- Returns the element of an event (JSON) that is queued now.
local function relay_wrap(event, real)
  return '{"t":' .. real .. ',"e":' .. event .. '}'
end
