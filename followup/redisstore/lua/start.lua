-- Starts a run by hand or by rearm.
-- Needs lib/run.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {rearm: bool, arm: {...}}. ARGV[3]: the facts of arm, packed.
-- Returns {"none"} if there is no such lead, {"moved"}, {"need", assistant…} or {"ok", run ("" if
-- none was started), ended}.
local req = cjson.decode(ARGV[2])

local before = answered()
if before then return before end
if get('mv') then return { 'moved' } end
if get('t') ~= head.t then return { 'none' } end
-- The same request again, whatever came in between: the lead may have answered.
local by, n = string.match(get('sq') or '', '^(.*)|(%d+)$')
if by == head.q then
  set('sq', get('sq')) -- written again for WAIT
  return { 'ok', run_id(tonumber(n)), ended }
end
local waits = spoke_last(req.arm.assistant)
local missing = undeclared()
if missing then return missing end

unsaved = {}
if req.rearm and not waits then return answer({ 'ok', '', ended }) end
del('ra:' .. req.arm.assistant, 'rb:' .. req.arm.assistant)
local run = ''
if get('oo') ~= '1' and controls('c:' .. req.arm.config) == '' then
  runs_end('restarted', function(r) return r.assistant == req.arm.assistant end)
  run = run_start(req.arm, ARGV[3])
  if not req.rearm and run ~= '' then set('sq', head.q .. '|' .. int(live[#live].n)) end
end
return answer({ 'ok', run, ended })
