-- Records how a step ended, and arms the next one or ends the run.
-- Needs lib/run, lib/window.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {n, token, attempt, kind, outcome, reason, message, text, used,
-- next, interval, notbefore, endreason, close: bool, out: bool, told: bool}. ARGV[3]: history entry
-- or "".
-- Returns {"need", assistant…}, {"stale"}, {"heir"} if the lead's heir must be told first, or
-- {"ok", "armed" | "ended", due, ended, "1" if there is something to forward}.
local req = cjson.decode(ARGV[2])

local before = answered()
if before then return before end
local moved = get('mv')
local missing = undeclared()
if missing then return missing end
local run = live_find(req.n)
if not run or run.state == 'armed' then return { 'stale' } end
if run.state == 'sending' or run.state == 'crashed' then
  if run.attempt ~= req.attempt then return { 'stale' } end
elseif run.token ~= req.token then
  return { 'stale' }
end
-- The step of a merged lead is recorded here, where its run is. What the step says about the lead
-- belongs to the lead's heir. The heir is told first, so a crash in between loses nothing.
if moved and not req.told then return { 'heir' } end

local function finished(state, due)
  return answer({ 'ok', state, int(due), ended, moved and '1' or '' })
end

unsaved = {}
local story = story_load(run)
story.tl[#story.tl + 1] = {
  s = run.step + 1, d = run.due, k = req.kind, o = req.outcome, r = req.reason, m = req.message, a = now,
}
happening(run, req.outcome, run.step + 1, req.outcome, req.reason, req.text, req.message)
if not moved then
  if req.outcome == 'sent' or req.outcome == 'uncertain' then use(run.channel) end
  if ARGV[3] ~= '' then remember(run.channel, ARGV[3]) end
end

local attempt = req.attempt ~= '' and redis.call('HGET', K.attempts, req.attempt)
if attempt then
  attempt = cjson.decode(attempt)
  if req.close and not moved then window_refused(run.channel, attempt.w) end
  if attempt.rk >= 2 then -- a receipt came before the answer to the call
    story_save(run.n, story)
    correct(req.attempt, attempt)
    story = story_load(run)
  end
end

-- From here on the step has its outcome: whatever ends the run below must not cancel the step.
if req.used > 0 and math.floor(run.used / 2 ^ req.used) % 2 == 0 then run.used = run.used + 2 ^ req.used end
local reason = run.ending
local config = controls('c:' .. run.config)
if reason == '' and req.out then reason = 'opted_out' end
if reason == '' then reason = req.endreason end
if reason == '' and config == 'inactive' then reason = 'config_inactive' end
if reason == '' and config ~= '' then reason = 'config_deleted' end
if reason == '' and req.next < 0 then reason = 'completed' end
if reason ~= '' then
  if reason == 'replied' then
    happening(run, 'replied', run.step + 1, '', reason)
  elseif reason == 'completed' then
    happening(run, 'completed', run.step + 1, '', '') -- no outcome has this reason
  else
    happening(run, 'cancelled', run.step + 1, '', reason)
  end
  queue_all() -- before the run goes: if a migrating slot breaks the script off, it is run again
  run_close(run, story, reason)
  if req.out and not moved then opt(true, now) end
  return finished('ended', 0)
end

story_save(run.n, story)
run.step, run.interval, run.tries = req.next, req.interval, 0
local due = math.max(now + req.interval, req.notbefore, attempt and attempt.nb or 0)
run_arm(run, due)
happening(run, 'scheduled', run.step + 1, '', '')
return finished('armed', due)
