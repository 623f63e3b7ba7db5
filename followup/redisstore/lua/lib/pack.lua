-- A live run as fields of its lead's hash. Each is short, because one of more than 64 bytes
-- has Redis keep the whole hash in three times the memory:
--   r<n> state|step|interval|due|used|tries|rearm|started
--   f<n> whose it is: assistant, config, channel, ladder, as the caller has packed them (facts.go)
--   k<n> of a claim: token|attempt|kind|stand|ending, of the attempt the last 6 characters; absent if it is armed
--   s<n> the status it was started under, if it rearms
local ID = '%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x'
local PLAIN = '%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x'

-- Returns assistant, config, channel and ladder: 16 bytes each, or texts.
local function unpack_facts(f)
  if #f ~= 64 then return string.match(f, '^(.-)|(.-)|(.-)|([^|]*)') end
  return string.format(ID, string.byte(f, 1, 16)), string.format(ID, string.byte(f, 17, 32)),
    string.format(ID, string.byte(f, 33, 48)), string.format(PLAIN, string.byte(f, 49, 64))
end

-- Reads a run as wagate kept it at first, all of it in r<n>:
--   assistant|config|channel|ladder|state|step|interval|due|used|tries|token|attempt|ending|rearm|status|started|kind|stand
-- Returns r<n>, f<n>, k<n> and s<n>; false for none.
local function from_one_field(r)
  local v = {}
  for value in string.gmatch(r .. '|', '(.-)|') do v[#v + 1] = value end
  local f = table.concat(v, '|', 1, 4)
  if #f == 64 then f = f .. '|' end
  local k = v[5] ~= 'armed' and table.concat({ v[11], string.sub(v[12], 31), v[17] or '', v[18] or '0', v[13] }, '|')
  return table.concat({ v[5], v[6], v[7], v[8], v[9], v[10], v[14], v[16] }, '|'), f, k, v[14] == '1' and v[15]
end

local STATE = '^(.-)|(.-)|(.-)|(.-)|(.-)|(.-)|(.-)|(.*)$'
local CLAIM = '^(.-)|(.-)|(.-)|(.-)|(.*)$'
