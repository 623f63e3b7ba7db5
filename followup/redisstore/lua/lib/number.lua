-- Whether two phones of one lead are one phone in two spellings, like sameNumber
-- (followup/opener.go).
local function same_number(a, b)
  if #a > #b then return same_number(b, a) end -- the embedded Redis cannot swap two parameters in one assignment
  local more = #b - #a
  if a == b or more == 0 or more > 2 then return a == b and a ~= '' end
  for at = 2, #a - 8 do
    if string.sub(a, 1, at) == string.sub(b, 1, at) and string.sub(a, at + 1) == string.sub(b, at + more + 1) then return true end
  end
  return false
end
