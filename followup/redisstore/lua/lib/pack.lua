-- A live run as fields of its lead's hash. Each field is short, because one of more than 64 bytes
-- makes Redis keep the whole hash in three times the memory:
--   r<n> state|step|interval|due|used|tries|rearm|started
--   f<n> the run's facts: assistant, config, channel, ladder, as the caller has packed them (facts.go)
--   k<n> its claim: token|attempt|kind|stand|ending, with the last 6 characters of the attempt's id; absent
--        if the run is armed. A claimed step that never was in sending has no kind, and its stand is the
--        number of its leases that ran out
--   s<n> the status that the run was started under, if it rearms

-- Where a fact begins among packed facts, and which of the texts it is.
local AT, TH = { assistant = 1, config = 17, channel = 33, ladder = 49 }, { assistant = 1, config = 2, channel = 3, ladder = 4 }

local function four(a, b, c, d)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

-- Returns the assistant, config, channel or ladder from a run's facts, packed or texts.
local function fact(f, name)
  if #f ~= 64 then return (select(TH[name], string.match(f, '^(.-)|(.-)|(.-)|([^|]*)'))) end
  local a, b, c, d, e, g, h, i, j, k, l, m, n, o, p, q = string.byte(f, AT[name], AT[name] + 15)
  return string.format(name == 'ladder' and '%08x%04x%04x%04x%04x%08x' or '%08x-%04x-%04x-%04x-%04x%08x',
    four(a, b, c, d), e * 256 + g, h * 256 + i, j * 256 + k, l * 256 + m, four(n, o, p, q))
end

-- A live run's facts are unpacked only when they are asked for: that costs more than reading all
-- the rest of the run.
local FACTS = { __index = function(run, name)
  if not AT[name] then return nil end
  run[name] = fact(run.facts, name)
  return run[name]
end }

-- Converts a run from the first form, in which all of it was in r<n>:
--   assistant|config|channel|ladder|state|step|interval|due|used|tries|token|attempt|ending|rearm|status|started|kind|stand
-- Returns r<n>, f<n>, k<n> and s<n>; false for a field that it does not have.
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
