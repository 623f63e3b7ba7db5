-- The send fence of an assistant's own message. It voids the claimed steps of the runs concerned,
-- so no follow-up can cross the message.
-- Needs lib/run, lib/window.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {channel, assistant, to: {ph, ui}, free: bool, marketing: bool,
-- opaque, previous: the attempt of an earlier try, or ""}.
-- Returns {"moved"}, {"none"}, {"opted_out"}, {"paused"}, {"window_closed"} or {"ok", attempt,
-- rearm, when the window closes (0 unless free)}.
local req = cjson.decode(ARGV[2])

if get('mv') then return { 'moved' } end
if get('t') ~= head.t then return { 'none' } end
if req.marketing and get('oo') == '1' then return { 'opted_out' } end
if controls('t:' .. head.t) ~= '' or controls('ch:' .. req.channel) ~= '' then return { 'paused' } end
if req.free and not window_open(req.channel, req.to) then return { 'window_closed' } end

local rearm = {}
rearm[1] = spoke(req.channel, req.assistant)
local id = req.previous
if id == '' or redis.call('HEXISTS', K.attempts, id) == 0 then
  id = attempt_new(req.channel, 0, 0, req.opaque)
end
return { 'ok', id, rearm, req.free and int(window_closes(req.channel)) or '0' }
