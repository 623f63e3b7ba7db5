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

local STATE = '^(.-)|(.-)|(.-)|(.-)|(.-)|(.-)|(.-)|(.*)$'
local CLAIM = '^(.-)|(.-)|(.-)|(.-)|(.*)$'
