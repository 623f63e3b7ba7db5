-- Makes a contact's stand-in point to the lead that the contact is found to be, unless something
-- has to be imported first.
-- KEYS: 1 stand-in, 2 its dedup. ARGV: 1 tenant, 2 lead, 3 until when (real), 4 how long that is.
-- Returns "held" if something has to be imported, or "ok".
if redis.call('HEXISTS', KEYS[1], 'pu') == 0 and redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return 'held' end
redis.call('HSET', KEYS[1], 'v', '1', 't', ARGV[1], 'mv', ARGV[2], 'pu', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 'ok'
