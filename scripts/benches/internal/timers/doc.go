// Package timers measures the clockwork of follow-ups: how fast timers are set, worked off and
// called off, how late they are, and how much memory a pending one takes.
//
// # Sides
//
// wagate's side is its engine in this process: redisstore, poller and runner as the program wires
// them. In place of the program's connections it has 64 callers, and its redis-server syncs its
// append-only file every second. Everything that the invariants require is on: tokens, leases,
// guard, timeline, and what assistants are told. The relay, which would hand that on, is left out.
// So are the providers: a send is the guard and an immediate answer. The link from a message's id to
// its attempt, which the program makes after that, is not made.
//
// The other side is asynq with its client, server and inspector, in this process too, and with a
// redis-server like the first. Its tasks hold what a run of ours knows.
//
// Both sides run in turn, on a fresh Redis each time. There are eight tenants, so that no bound on
// one of them holds anything back.
//
// # Figures
//
//	schedule_…       a change of a lead's status that arms a run; asynq: Enqueue, ProcessIn
//	drain_unsent_…   due → over: claim, decide, finish; the step is skipped, the run completed
//	drain_sent_…     due → over: claim, decide, guard, provider, finish
//	cancel_…         a lead's text is settled and ends the lead's run; asynq: DeleteTask
//	…_commands_alone what the ratio would be if only the commands that our scripts call took time: no
//	_to_asynq        Lua, no engine, no connection, no append-only file
//	lateness_…       1,000 steps a second become due; from then until the provider is called
//	behind_…         the same while texts are settled, 16 at once, and 1,000,000 runs wait
//	bytes_…          of Redis per pending step, with few (200,000) and many (1,000,000)
//	idle_cpu_percent a wagate process that has nothing to do for 1,000,000 pending steps
//
// Steps become due all at once because the benchmark sets the domain clock ahead: the clock is an
// argument of everything. asynq's tasks are set for one instant of the real clock. asynq looks for
// due tasks ten times a second when it works them off, and at its default interval when its lateness
// is measured.
//
// Bytes are how much used_memory grows when runs are armed for leads whose record exists already,
// after the assistants took what they were told and what is kept of that for an hour was removed.
// What is left is the run in its lead's hash, its place in the due set, and the entry that its
// assistant has a queue. For asynq it is everything that Redis holds.
package timers
