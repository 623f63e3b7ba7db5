#!lua
-- Does nothing. Redis checks a script that begins with #!lua, and has no flag saying that it only
-- reads, before it runs: it judges whether anything could be written, by memory, disk, role,
-- replicas and the cluster's state. Of any other script it finds that out only when the script
-- writes.
-- KEYS: 1 any key of the node's, or none. ARGV: none. Returns 1.
return 1
