// Package timers measures the clockwork of follow-ups: how fast timers are set, worked
// off and called off, how late they are, and what a pending one takes.
//
// # Sides
//
// wagate's side is its engine in this process: redisstore, poller and runner as the
// program wires them, with 64 callers where the program would have connections, on a
// redis-server of its own that syncs its append-only file every second. All that the
// invariants ask for is on: tokens, leases, guard, timeline, and what assistants are
// told. What is not there is the relay, which hands that on, and the providers: a send
// is the guard, and an answer at once. The link from a message's id to its attempt,
// which the program makes after that, is not made.
//
// The other side is asynq, with its client, server and inspector in this process,
// too, and a redis-server like the first. Its tasks hold what a run of ours knows.
//
// Both sides run in turn, on a fresh Redis each time. There are eight tenants, so that
// no bound on one of them holds anything back.
//
// # Figures
//
//	schedule_…       a change of a lead's status that arms a run; asynq: Enqueue, ProcessIn
//	drain_unsent_…   due → over: claim, decide, finish; the step is skipped, the run completed
//	drain_sent_…     due → over: claim, decide, guard, provider, finish
//	cancel_…         a lead's text is settled and ends his run; asynq: DeleteTask
//	…_commands_alone what the ratio would be if all that took time were the commands that our
//	_to_asynq        scripts call: no Lua, no engine, no connection, no append-only file
//	lateness_…       1,000 a second become due; from then until the provider is called
//	behind_…         the same while texts are settled, 16 at once, and 1,000,000 runs wait
//	bytes_…          of Redis per pending step, with few (200,000) and many (1,000,000)
//	idle_cpu_percent a wagate process of which 1,000,000 pending steps want nothing now
//
// Steps become due all at once by setting the domain clock ahead, as it is an
// argument of everything; asynq's tasks are set for one instant of the real one.
// asynq looks for what is due ten times a second to be worked off, and as by default
// for its lateness.
//
// Bytes are by how much used_memory grows when runs are armed for leads whose record
// is there already, after their assistants took what they were told, and what is kept of
// that for an hour was removed. What is left is the run in its lead's hash, its place in
// the due set, and that its assistant has a queue. For asynq it is all that Redis has.
package timers
