-- Needs lib/lead, lib/number.
-- The customer service windows of the lead. A window is open to the number that wrote, and to
-- nobody else (followup/opener.go). wo:<channel> is "{w:<channel> at that time} {phone} {user id}";
-- it counts only while w:<channel> is still the same.

-- Returns whom the record names.
local function named()
  return (get('ph') or '') .. ' ' .. (get('ui') or '')
end

-- Returns who opened the window, if that is not whom the record names.
local function opener(channel)
  local at, who = string.match(get('wo:' .. channel) or '', '^(%d+) (.*)$')
  if at and tonumber(at) == num('w:' .. channel) then return who end
end

-- Returns what a window notes about a contact who opens it; nil if that is whom the record names.
local function opener_of(contact)
  local phone, user = get('ph') or '', get('ui') or ''
  if contact.ph ~= '' and not same_number(contact.ph, phone) then return contact.ph .. ' ' .. contact.ui end
  if contact.ui ~= '' and contact.ui ~= user then return phone .. ' ' .. contact.ui end
end

-- To be called before the record gets another phone or user id. It notes in the windows who opened
-- them. If a window's opener told only a phone or only a user id, the other one is taken from the
-- record as it was, provided that the record names that opener before and after.
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

-- Whether a free-form message may be sent to a contact, {ph, ui}. If the contact has both, the
-- phone decides.
local function window_open(channel, to)
  if num('w:' .. channel) == 0 or now >= window_closes(channel) or get('wr:' .. channel) == '1' then return false end
  local phone, user = get('ph') or '', get('ui') or ''
  local by, by_user = string.match(opener(channel) or named(), '^(%S*) (.*)$')
  -- What the opener did not tell is taken from the record, as long as the record names the opener.
  if by == '' and by_user == user then by = phone end
  if by_user == '' and same_number(by, phone) then by_user = user end
  if to.ph ~= '' then return same_number(by, to.ph) end
  return to.ui ~= '' and by_user == to.ui
end

-- The provider answered "window closed" to a message that was sent when the window counted from
-- that instant. As with window_from, answer updates the index.
local function window_refused(channel, since)
  if num('w:' .. channel) > since then return end
  set('wr:' .. channel, '1')
  closing[channel] = false
end

-- The contact has had another identity since that instant, so no window that counts from before it
-- is certain to be this contact's.
local function windows_refuse(since)
  for _, f in ipairs(names()) do
    local channel = string.match(f, '^w:(.*)$')
    if channel then window_refused(channel, since) end
  end
end

-- by is as opener_of returns it.
local function window_from(channel, at, by)
  if at <= num('w:' .. channel) then return end
  if by then
    set('w:' .. channel, int(at), 'wo:' .. channel, int(at) .. ' ' .. by) -- in one write: a repetition finds the window moved
  else
    set('w:' .. channel, int(at))
  end
  del('wr:' .. channel)
  closing[channel] = at + DAY
end

-- Fills in those fields that the record lacks, except the field but. Returns whether the record
-- changed.
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

-- The same for a contact. If the record's phone is twin, the contact's phone in the other spelling,
-- the record takes over the contact's spelling. A phone that comes with another user id than the
-- record's is not filled in: it is one that the lead had earlier, or has not told yet.
local function learn(contact, twin)
  local phone, user = get('ph') or '', get('ui') or ''
  local other = user ~= '' and contact.ui ~= '' and contact.ui ~= user
  local spelled = phone ~= '' and phone == twin and not other
  if spelled then set('ph', contact.ph) end
  return fill(contact, other and 'ph') or spelled
end
