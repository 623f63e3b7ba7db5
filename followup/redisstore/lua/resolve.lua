-- Finds the tenant's lead by its identities, or names a new one.
-- KEYS: 1 aliases, 2 leads by creation. ARGV: 1 new lead id or "" to create none,
-- 2 now, 3… identities.
-- Returns {"none"}, {"ok", lead} with all identities pointing to it, or
-- {"conflict", lead, lead, …}, oldest first, with nothing written.
local found, order = {}, {}
for i = 3, #ARGV do
  local lead = redis.call('HGET', KEYS[1], ARGV[i])
  if lead and not found[lead] then
    found[lead] = tonumber(redis.call('ZSCORE', KEYS[2], lead) or ARGV[2])
    order[#order + 1] = lead
  end
end
if #order > 1 then
  table.sort(order, function(a, b)
    if found[a] ~= found[b] then return found[a] < found[b] end
    return a < b
  end)
  return { 'conflict', unpack(order) }
end
local lead = order[1]
if not lead then
  if ARGV[1] == '' then return { 'none' } end
  lead = ARGV[1]
  redis.call('ZADD', KEYS[2], ARGV[2], lead)
end
for i = 3, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], lead) end
return { 'ok', lead }
