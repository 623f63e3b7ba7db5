-- Takes in a receipt about a step of a lead that was merged since: the step's run is still recorded
-- here.
-- Needs lib/run.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {a: attempt, rk: rank, f: why the message failed; absent unless
-- it did, m: message id or ""}.
-- Returns {"moved"} if the lead was erased, {"need", assistant} or {"ok", corrections}.
local req = cjson.decode(ARGV[2])

local before = answered()
if before then return before end
if get('mv') == 'erased' then return { 'moved' } end
local packed = redis.call('HGET', K.attempts, req.a)
if not packed then return { 'ok', corrections } end
local a = cjson.decode(packed)
if req.rk <= a.rk then
  redis.call('HSET', K.attempts, req.a, packed) -- written again for WAIT
  return { 'ok', corrections }
end
local s = redis.call('HGET', K.runs, int(a.n))
local assistant = s and cjson.decode(s).as
if assistant and not K.queue[assistant] then return { 'need', assistant } end
a.rk, a.f = req.rk, req.f
if (a.m or '') == '' then a.m = req.m end
redis.call('HSET', K.attempts, req.a, cjson.encode(a))
correct(req.a, a)
return answer({ 'ok', corrections })
