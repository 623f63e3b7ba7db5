-- Sets a field of the tenant's control state to a new version: an instant that is later than the
-- version the field had. Returns "<version>:<state>".
local function control_set(key, field, state, real)
  local was = redis.call('HGET', key, field)
  local version = tonumber(was and string.match(was, '^%d+') or '0')
  local value = string.format('%.0f', math.max(version + 1, tonumber(real))) .. ':' .. state
  redis.call('HSET', key, field, value)
  return value
end
