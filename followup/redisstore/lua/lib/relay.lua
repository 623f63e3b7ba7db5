-- Needs lib/due. Appends one event (JSON) to the queue of lead x assistant and
-- makes the queue due, unless it is already: waiting, leased or backing off.
local function relay_push(queue, group, index, lead, assistant, real, event)
  redis.call('RPUSH', queue, '{"t":' .. real .. ',"e":' .. event .. '}')
  if not redis.call('ZSCORE', group, lead) then
    due_set(group, index, assistant, lead, real)
  end
end
