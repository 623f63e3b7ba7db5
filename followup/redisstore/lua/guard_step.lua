-- The send fence of a step: the last thing that runs before the call to the provider.
-- Needs lib/run, lib/window.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {n: run number, token, to: {ph, ui}, free: bool, marketing:
-- bool, lease: ms, kind, used}.
-- Returns {"moved"}, {"stale"}, {"end", reason}, {"opted_out"}, {"paused"}, {"window_closed"} or
-- {"ok", attempt, when the window closes (0 unless free)}.
-- A new request under the same token means that the call before it cannot have been sent. The same
-- request again means nothing, because it may arrive long after the first was answered.
local req = cjson.decode(ARGV[2])

local run = live_find(req.n)
if not run or run.state == 'armed' or run.state == 'crashed' or run.token ~= req.token then return { 'stale' } end
-- The run was to end while its step was in sending. The first try cannot have been sent, and the
-- step will not be sent any more.
if run.ending ~= '' then return { 'end', run.ending } end
if get('mv') then return { 'moved' } end
local config, tenant, channel = controls('c:' .. run.config, 't:' .. head.t, 'ch:' .. run.channel)
if config == 'inactive' then return { 'end', 'config_inactive' } end
if config == 'deleted' then return { 'end', 'config_deleted' } end
local closes = req.free and int(window_closes(run.channel)) or '0'
local before = attempt_of(run)
if before and before.q == head.q then
  redis.call('HSET', K.attempts, run.attempt, cjson.encode(before)) -- written again for WAIT
  return { 'ok', run.attempt, closes }
end
-- The request is older than the last attempt: its worker has gone on.
if before and now < before.at then return { 'stale' } end
if run.state == 'sending' and unsent_from(before) > now then
  run_arm(run, unsent_from(before))
  return { 'stale' }
end
local no
if req.marketing and get('oo') == '1' then
  no = 'opted_out'
elseif tenant ~= '' or channel ~= '' then
  no = 'paused'
elseif req.free and not window_open(run.channel, req.to) then
  no = 'window_closed'
end
if no then
  if run.state == 'sending' then
    run.state = 'claimed'
    run_save(run)
  end
  return { no }
end

unsaved = {}
run.state, run.attempt = 'sending', attempt_new(run.channel, run.n, run.step + 1)
run.kind, run.stand = req.kind, req.used -- for whoever finishes it if the worker dies
run_save(run)
redis.call('ZADD', K.leases, int(real + req.lease), run_id(run.n))
save()
return { 'ok', run.attempt, closes }
