-- Starts a run by hand or by rearm.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {rq, rearm: bool, arm: {...}}.
-- Returns {"none"} if there is no such lead, {"moved"}, {"need", assistant} or {"ok", run, ended}.
local req = cjson.decode(ARGV[2])

if get('mv') then return { 'moved' } end
if get('t') ~= head.t then return { 'none' } end
if get('lrq') == req.rq then return { 'ok', get('lrn') or '', {} } end
local waits = get('ra:' .. req.arm.assistant)
local missing = undeclared()
if missing then return { 'need', missing } end

redis.call('HDEL', K.lead, 'ra:' .. req.arm.assistant)
local run = ''
if (waits or not req.rearm) and get('oo') ~= '1' and control('c:' .. req.arm.config) == '' then
  runs_end('restarted', function(r) return r.assistant == req.arm.assistant end)
  run = run_start(req.arm)
end
set('lrq', req.rq, 'lrn', run)
return { 'ok', run, ended }
