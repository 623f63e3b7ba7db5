-- Takes due steps under a lease. Only what is still due, and only steps whose
-- lease is not running; repeated with the same token it answers the same.
-- KEYS: 1 steps index, 2 step leases, 3 control; then per candidate: steps due
-- of its tenant, lead.
-- ARGV: 1 token, 2 now, 3 real, 4 end of the lease; then per candidate: run id,
-- its number, tenant. Needs lib/due.
-- Returns per claimed candidate {position, paused, crashed, state of its config, fields of the lead's hash},
-- and {position, "newer"} for one whose lead a newer replica wrote; it is left to that.
local token, now, real, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local out = {}

local function control(field)
  local v = redis.call('HGET', KEYS[3], field)
  return v and string.match(v, '^%d+:(.*)$') or ''
end

for i = 1, (#ARGV - 4) / 3 do
  local group, lead = KEYS[2 + 2 * i], KEYS[3 + 2 * i]
  local id, n, tenant = ARGV[2 + 3 * i], ARGV[3 + 3 * i], ARGV[4 + 3 * i]
  local had = redis.call('HMGET', lead, 'r' .. n, 'v')
  local packed = had[1]
  if (had[2] or '1') ~= '1' then
    out[#out + 1] = { i, 'newer' }
  elseif not packed then
    due_del(group, KEYS[1], tenant, id)
    redis.call('ZREM', KEYS[2], id)
  else
    local f, k = {}, 0
    for v in string.gmatch(packed .. '|', '(.-)|') do
      k = k + 1
      f[k] = v
    end
    local state, due = f[5], tonumber(f[8])
    local leased = tonumber(redis.call('ZSCORE', KEYS[2], id) or '0')
    local again = f[11] == token -- an armed one has none
    local ours = again or (state == 'armed' and due <= now) or (state ~= 'armed' and leased <= real)
    if ours then
      if state == 'armed' then f[5] = 'claimed' end
      if state == 'claimed' and not again then f[10] = string.format('%d', tonumber(f[10]) + 1) end
      if state == 'sending' then f[5] = 'crashed' end
      f[11] = token
      redis.call('HSET', lead, 'r' .. n, table.concat(f, '|'))
      redis.call('ZADD', KEYS[2], lease, id)
      due_del(group, KEYS[1], tenant, id)
      local paused = control('t:' .. tenant) ~= '' or control('ch:' .. f[3]) ~= ''
      out[#out + 1] = { i, paused and 1 or 0, f[5] == 'crashed' and 1 or 0, control('c:' .. f[2]), redis.call('HGETALL', lead) }
    end
  end
end
return out
