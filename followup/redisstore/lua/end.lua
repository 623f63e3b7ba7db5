-- Ends one live run. A run that is not live is left as it is.
-- Needs lib/run.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {n: run number, reason, config: end the run only if it is this
-- config's and the config is not active; "": in any case, token: that of a claim whose holder
-- vouches that nothing was sent, or ""}.
-- Returns {"moved"} if the lead was erased, {"need", assistant…} or {"ok", ended, "1" if there is
-- something to forward}.
local req = cjson.decode(ARGV[2])

local before = answered()
if before then return before end
if get('mv') == 'erased' then return { 'moved' } end
local missing = undeclared()
if missing then return missing end
unsaved = {}
local run = live_find(req.n)
if run and (req.config == '' or run.config == req.config and controls('c:' .. req.config) ~= '') then
  if req.token ~= '' and req.token == run.token then run.state = 'claimed' end
  run_end(run, req.reason)
end
return answer({ 'ok', ended, get('mv') and '1' or '' })
