-- Gives back a claimed step that was not sent. It is due as before or later; also later if,
-- meanwhile, the lead was told something else or is to be left alone for a while. The caller
-- vouches that nothing was sent, also for a step in sending.
-- Needs lib/run.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {n, token, until: ms or 0}.
-- Returns {"need", assistant…} or {"ok", ended, "1" if there is something to forward}. With a stale
-- token there is nothing to give back, and the answer is {"ok"}.
local req = cjson.decode(ARGV[2])

local before = answered()
if before then return before end
local run = live_find(req.n)
if not run or run.state == 'armed' or run.state == 'crashed' or run.token ~= req.token then return { 'ok' } end
if run.ending ~= '' then
  local missing = undeclared()
  if missing then return missing end
  run.state = 'claimed'
  run_end(run, run.ending)
  return answer({ 'ok', ended, get('mv') and '1' or '' })
end
local from = unsent_from(attempt_of(run))
if req['until'] > 0 then
  run.tries = run.tries + 1
  run_arm(run, math.max(req['until'], from))
else
  run_arm(run, math.max(run.due, from))
end
return { 'ok' }
