-- Pauses or resumes in the tenant's master.
-- KEYS: 1 control state of the tenant. ARGV: 1 field, 2 state, 3 real.
-- Needs lib/control.
-- Returns the new "<version>:<state>".
return control_set(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
