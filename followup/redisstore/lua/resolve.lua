-- Finds the tenant's lead by its identities, or names a new one.
-- KEYS: 1 aliases, 2 leads by creation. ARGV: 1 new lead id or "" to create none,
-- 2 lead that the identities are known to be of, or "", 3 now, 4… identities.
-- Returns {"none"}, {"unlisted"} if the lead known is no lead (any more), {"ok", lead} with all
-- identities pointing to it, or {"conflict", lead, lead, …}, oldest first, with nothing written.
local found, order = {}, {}

local function meet(lead, created)
  if found[lead] then return end
  found[lead] = tonumber(created or ARGV[3])
  order[#order + 1] = lead
end

if ARGV[2] ~= '' then
  local created = redis.call('ZSCORE', KEYS[2], ARGV[2])
  if not created then return { 'unlisted' } end
  meet(ARGV[2], created)
end
for i = 4, #ARGV do
  local lead = redis.call('HGET', KEYS[1], ARGV[i])
  if lead then meet(lead, redis.call('ZSCORE', KEYS[2], lead)) end
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
  redis.call('ZADD', KEYS[2], ARGV[3], lead)
end
for i = 4, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], lead) end
return { 'ok', lead }
