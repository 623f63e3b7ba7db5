-- Takes due steps under a lease: only steps that are still due, and only steps whose lease is not
-- running. Repeated with the same token it answers the same.
-- Needs lib/due, lib/pack.
-- KEYS: 1 steps index, 2 step leases, 3 control; then per candidate: steps due of its tenant, lead.
-- ARGV: 1 token, 2 now, 3 real, 4 end of the lease; then per candidate: run id, its number, tenant.
-- Returns {when the first step of the partition is then due, when the first lease ends (each "" for
-- none), candidates}.
-- Of each candidate that is claimed, candidates has {position, paused, crashed, state of its
-- config, its r<n>, its k<n>, fields of the lead's hash as they were before}; of each one whose
-- lead a newer replica wrote, and which is left to that replica, {position, "newer"}.
local token, now, real, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local out = {}
local leases = {}              -- scores and members to be added
local lost = {}                -- members whose run is gone
local met = {}                 -- runs that are claimed; a caller that looked twice may list one as lapsed and as due
local gone, groups = {}, {}    -- per due set: the members that leave it; the due sets and their tenants

local function state(v) return v and string.match(v, '^%d+:(.*)$') or '' end

-- Counts one more lease that ran out, in the part of a claim behind its token. A claim with a kind
-- was in sending since the last count: its stand is then a step, not a count.
local function lapsed_again(rest)
  local kind, stand, ending = string.match(rest, '^|[^|]*|([^|]*)|([^|]*)|(.*)$')
  local lapsed = kind == '' and tonumber(stand) or 0
  return string.format('|||%d|', lapsed + 1) .. ending
end

local function leave(group, tenant, id)
  if not gone[group] then gone[group], groups[#groups + 1] = {}, { group, tenant } end
  table.insert(gone[group], id)
end

for i = 1, (#ARGV - 4) / 3 do
  local group, lead = KEYS[2 + 2 * i], KEYS[3 + 2 * i]
  local id, n, tenant = ARGV[2 + 3 * i], ARGV[3 + 3 * i], ARGV[4 + 3 * i]
  local fields, had = redis.call('HGETALL', lead), {}
  for j = 1, #fields, 2 do had[fields[j]] = fields[j + 1] end
  local r, f, k = had['r' .. n], had['f' .. n], had['k' .. n]
  if met[id] then
    -- it is claimed already
  elseif (had.v or '1') ~= '1' then
    out[#out + 1] = { i, 'newer' }
  elseif not r then
    leave(group, tenant, id)
    lost[#lost + 1] = id
  else
    if not f then
      local s
      r, f, k, s = from_one_field(r)
      redis.call('HSET', lead, 'r' .. n, r, 'f' .. n, f, 'k' .. n, k or '|||0|', 's' .. n, s or '')
      fields[#fields + 1], fields[#fields + 2] = 'f' .. n, f
    end
    local was, _, _, due = string.match(r, STATE)
    local had_token, rest = string.match(k or '|||0|', '^(.-)(|.*)$')
    local ours
    if was == 'armed' then
      ours = tonumber(due) <= now
    else
      -- If the step is in sending under this token, the answer was heard: then this call was under
      -- way for longer than its own repetition.
      ours = had_token == token and was ~= 'sending' or tonumber(redis.call('ZSCORE', KEYS[2], id) or '0') <= real
    end
    if ours then
      local is = was
      if was == 'armed' then is = 'claimed' end
      if was == 'sending' then is = 'crashed' end
      if was == 'claimed' and had_token ~= token then rest = lapsed_again(rest) end
      r, k = is .. string.sub(r, #was + 1), token .. rest
      redis.call('HSET', lead, 'r' .. n, r, 'k' .. n, k)
      met[id] = true
      leases[#leases + 1], leases[#leases + 2] = lease, id
      leave(group, tenant, id)
      local says = redis.call('HMGET', KEYS[3], 't:' .. tenant, 'ch:' .. fact(f, 'channel'), 'c:' .. fact(f, 'config'))
      local paused = state(says[1]) ~= '' or state(says[2]) ~= ''
      out[#out + 1] = { i, paused and 1 or 0, is == 'crashed' and 1 or 0, state(says[3]), r, k, fields }
    end
  end
end

if #leases > 0 then redis.call('ZADD', KEYS[2], unpack(leases)) end
if #lost > 0 then emptied('ZREM', KEYS[2], unpack(lost)) end
for _, g in ipairs(groups) do due_del(g[1], KEYS[1], g[2], unpack(gone[g[1]])) end

local function head(set)
  local first = emptied('ZRANGE', set, 0, 0, 'WITHSCORES') or {}
  return first[2] or ''
end
return { head(KEYS[1]), head(KEYS[2]), out }
