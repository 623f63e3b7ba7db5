-- Stores a ladder under its hash, which always names the same content.
-- KEYS: 1 ladders of the tenant. ARGV: 1 hash, 2 ladder. Returns {"ok"}.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return { 'ok' }
