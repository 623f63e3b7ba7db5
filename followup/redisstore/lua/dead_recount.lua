-- Makes dead letters count, or stop counting, whatever was done to them by a program that does not
-- count letters.
-- KEYS: 1 dead letters by time, 2 what is counted of them, 3 relay backlog.
-- ARGV: per letter its member, and what it is to count as ("" if that is not known).
-- Needs lib/dead.
-- Returns "ok".
for i = 1, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then
    dead_count(KEYS[2], KEYS[3], ARGV[i], ARGV[i + 1])
  else
    dead_uncount(KEYS[2], KEYS[3], ARGV[i])
  end
end
return 'ok'
