#!lua
-- Does nothing. As it has no flag that says that it only reads, Redis judges first whether
-- anything could be written: memory, disk, role, replicas, the cluster's state. It knows that
-- of no other script before that one writes.
-- KEYS: 1 any key of the node's, or none. ARGV: none. Returns 1.
return 1
