-- Needs lib/lead, lib/number. The customer service windows of the lead. One is open to the number that wrote, and to nobody
-- else (followup/opener.go); wo:<channel> is {what w:<channel> was then} {phone} {user id}, and counts while that is so.

-- Whom the record names.
local function named()
  return (get('ph') or '') .. ' ' .. (get('ui') or '')
end

-- Who opened the window, if that is not whom the record names.
local function opener(channel)
  local at, who = string.match(get('wo:' .. channel) or '', '^(%d+) (.*)$')
  if at and tonumber(at) == num('w:' .. channel) then return who end
end

-- What a window says of a contact who opens it; nil: whom the record names.
local function opener_of(contact)
  local phone, user = get('ph') or '', get('ui') or ''
  if contact.ph ~= '' and not same_number(contact.ph, phone) then return contact.ph .. ' ' .. contact.ui end
  if contact.ui ~= '' and contact.ui ~= user then return phone .. ' ' .. contact.ui end
end

-- Before the record names the lead otherwise: windows keep who opened them, and what the record knows of him beside
-- what he told, as long as that names him.
local function openers_keep(phone, user)
  local had_phone, had_user = get('ph') or '', get('ui') or ''
  for _, f in ipairs(names()) do
    local channel = string.match(f, '^w:(.*)$')
    if channel and num(f) > 0 then
      local was = opener(channel)
      local by, by_user = string.match(was or named(), '^(%S*) (.*)$')
      if by == '' and by_user == had_user and by_user == user then by = had_phone end
      if by_user == '' and by == had_phone and by == phone then by_user = had_user end
      local who = by .. ' ' .. by_user
      if who ~= ' ' and who ~= was then set('wo:' .. channel, int(num(f)) .. ' ' .. who) end
    end
  end
end

local function window_closes(channel)
  return num('w:' .. channel) + DAY
end

-- Whether free-form may be sent to a contact, {ph, ui}; if he has both, the phone is meant.
local function window_open(channel, to)
  if num('w:' .. channel) == 0 or now >= window_closes(channel) or get('wr:' .. channel) == '1' then return false end
  local phone, user = get('ph') or '', get('ui') or ''
  local by, by_user = string.match(opener(channel) or named(), '^(%S*) (.*)$')
  -- What he did not tell is the record's, as long as that names him.
  if by == '' and by_user == user then by = phone end
  if by_user == '' and same_number(by, phone) then by_user = user end
  if to.ph ~= '' then return same_number(by, to.ph) end
  return to.ui ~= '' and by_user == to.ui
end

-- The provider said "window closed" about a message that was sent when the
-- window counted from that instant. As with window_from, it is indexed by answer.
local function window_refused(channel, since)
  if num('w:' .. channel) > since then return end
  set('wr:' .. channel, '1')
  closing[channel] = false
end

-- The contact has another identity since then: no window that counts from before is his for certain.
local function windows_refuse(since)
  for _, f in ipairs(names()) do
    local channel = string.match(f, '^w:(.*)$')
    if channel then window_refused(channel, since) end
  end
end

-- By is as opener_of says.
local function window_from(channel, at, by)
  if at <= num('w:' .. channel) then return end
  if by then
    set('w:' .. channel, int(at), 'wo:' .. channel, int(at) .. ' ' .. by) -- at once, as whoever does it again finds it moved
  else
    set('w:' .. channel, int(at))
  end
  del('wr:' .. channel)
  closing[channel] = at + DAY
end

-- Fills in what the record lacks of what is said of the lead, but for one field. Returns whether it is
-- another now.
local function fill(fields, but)
  local new, otherwise = {}, false
  for field, value in pairs(fields) do
    if value ~= '' and field ~= but and (get(field) or '') == '' then
      new[#new + 1], new[#new + 2] = field, value
      otherwise = otherwise or field == 'ph' or field == 'ui'
    end
  end
  if otherwise then openers_keep(fields.ph, fields.ui) end
  if #new > 0 then set(unpack(new)) end
  return #new > 0
end

-- The same of a contact, whose phone may be the record's in another spelling, twin: then it takes that over. A
-- phone that comes with another user id than the record's is one that he had, or has not told yet.
local function learn(contact, twin)
  local phone, user = get('ph') or '', get('ui') or ''
  local other = user ~= '' and contact.ui ~= '' and contact.ui ~= user
  local spelled = phone ~= '' and phone == twin and not other
  if spelled then set('ph', contact.ph) end
  return fill(contact, other and 'ph') or spelled
end
