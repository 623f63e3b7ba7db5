-- Needs lib/due. Appends an element to the queue of lead x assistant and makes
-- the queue due, unless it is already: waiting, leased or backing off.
local function relay_element(queue, group, index, lead, assistant, real, element)
  redis.call('RPUSH', queue, element)
  if not redis.call('ZSCORE', group, lead) then
    due_set(group, index, assistant, lead, real)
  end
end

-- The same for one event (JSON), queued now.
local function relay_push(queue, group, index, lead, assistant, real, event)
  relay_element(queue, group, index, lead, assistant, real, '{"t":' .. real .. ',"e":' .. event .. '}')
end
