-- Finds the tenant's lead by its identities, or names a new one.
-- KEYS: 1 aliases, 2 leads by creation.
-- ARGV: 1 new lead id, or "" to create none, 2 the known lead, which the identities are known to be
-- of, or "", 3 now, 4 {pairs, judged, given, sole}, 5… identities.
--   pairs: [[phone, user id; "" for the user id of the known lead]…], phones and user ids that came together
--   judged: [lead…], per pair the lead that its phone led to when the pair was judged, or ""
--   given: {phone: lead}, the lead that has given the phone up
--   sole: true if no lead but the known or the new one may have the identities
-- Returns {"none"}, {"unlisted"} if the known lead is not, or no longer, a lead, {"taken"} if sole
-- and another lead has an identity, or {"ok", lead} with all identities pointing to the lead; or,
-- with nothing written, {"conflict", lead, lead, …}, oldest first, or {"doubt", which pair, the
-- phone's lead, the user id's lead or ""} if these two differ and the pair was not judged.
local found, order = {}, {}
local req = cjson.decode(ARGV[4])

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
for i, pair in ipairs(req.pairs) do
  local holder = redis.call('HGET', KEYS[1], pair[1])
  if holder and holder ~= ARGV[2] and req.judged[i] ~= holder then
    local other = redis.call('HGET', KEYS[1], pair[2])
    if other ~= holder then return { 'doubt', i, holder, other or '' } end
  end
end
for i = 5, #ARGV do
  local lead = redis.call('HGET', KEYS[1], ARGV[i])
  if lead and req.sole and lead ~= ARGV[1] and lead ~= ARGV[2] then return { 'taken' } end
  if lead and req.given[ARGV[i]] ~= lead then meet(lead, redis.call('ZSCORE', KEYS[2], lead)) end
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
for i = 5, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], lead) end
return { 'ok', lead }
