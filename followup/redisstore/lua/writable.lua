#!lua
-- Does nothing. As it has no flag that says that it only reads, Redis judges first whether
-- anything could be written: memory, disk, role, replicas. It knows that of no other script before
-- that one writes.
-- KEYS: none. ARGV: none. Returns 1.
return 1
