-- Points identities from one lead to another ("": to no lead) and takes the first lead off the
-- list. Identities that point elsewhere are left alone.
-- KEYS: 1 aliases, 2 leads by creation. ARGV: 1 from, 2 to, 3… identities. Returns {"ok"}.
for i = 3, #ARGV do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[1] then
    if ARGV[2] == '' then
      redis.call('HDEL', KEYS[1], ARGV[i])
    else
      redis.call('HSET', KEYS[1], ARGV[i], ARGV[2])
    end
  end
end
redis.call('ZREM', KEYS[2], ARGV[1])
return { 'ok' }
