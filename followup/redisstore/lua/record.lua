-- Records what became of an assistant's own message, or of a step of a lead that was merged into
-- this one.
-- Needs lib/run, lib/window.
-- KEYS, ARGV[1]: lib/lead. ARGV[2]: {attempt, channel, message, used: bool, close: bool, out:
-- bool}. ARGV[3]: history entry or "".
-- Returns {"moved"}, {"none"} if there was no such attempt, {"need", assistant…} or {"ok", ended}.
local req = cjson.decode(ARGV[2])

local before = answered()
if before then return before end
if get('mv') then return { 'moved' } end
local missing = undeclared()
if missing then return missing end
local packed = redis.call('HGET', K.attempts, req.attempt)
if not packed or get('t') ~= head.t then return { 'none' } end
local a = cjson.decode(packed)
if a.done then return { 'ok', {} } end
a.done, a.m = true, req.message
redis.call('HSET', K.attempts, req.attempt, cjson.encode(a))
if req.close then window_refused(a.c, a.w) end
if req.out then opt(true, now) end
if req.used then use(req.channel) end
if ARGV[3] ~= '' then remember(req.channel, ARGV[3]) end
return answer({ 'ok', ended })
