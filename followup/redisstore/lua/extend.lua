-- Extends the lease of a claimed step while its worker lives.
-- Needs lib/run.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {n: run number, token, lease: ms}.
-- Returns {"stale"} or {"ok"}.
local req = cjson.decode(ARGV[2])

local run = live_find(req.n)
if not run or (run.state ~= 'claimed' and run.state ~= 'sending') or run.token ~= req.token then return { 'stale' } end
local lease = tonumber(redis.call('ZSCORE', K.leases, run_id(run.n)) or '0')
redis.call('ZADD', K.leases, int(math.max(lease, real + req.lease)), run_id(run.n))
return { 'ok' }
