// Package ingest measures how fast wagate takes in webhooks, and how fast an assistant then has
// them.
//
// # Sides
//
// The bare side is a Fiber handler that reads the same bodies, checks the same signature, parses the
// JSON (with the fastest library that was found, so that the bar is not low) and answers 200. The
// other side is the wagate binary, doing all of its work on a real Redis with an append-only file
// that is synced every second. The same load process posts to both, one after the other.
//
// wagate is measured in two worlds, each with a Redis of its own:
//
//	idle       the assistant's port refuses connections: after ten failures its breaker is open, and
//	           the relay sends only one try every five seconds
//	relaying   an assistant takes every delivery and answers 200
//
// Bodies are signed before the clock starts. Each message and each status is new, and leads take
// turns; all of them have written before, except where a figure says otherwise. The memory that
// Redis will grow into is touched once before (bench.Touch). After every run wagate's own counters
// must agree that it took in exactly what it acknowledged, and nothing twice.
//
// # Figures
//
//	start_ms                             start of the process → public listener
//	<kind>_<connections>_<side>_…        texts of 1.5 KB, statuses, batches of 100 texts
//	texts_new_leads_…                    the first message of each lead
//	open_3000_<side>_…                   open loop, latency from when a request was due
//	<kind>_<connections>_whole_way…      texts over the time until the assistant has all of them, the
//	                                     backlog of the relay included
//	end_to_end_…                         text posted → assistant has it, at half of that rate
//	dedup_bytes_per_id_<n>               leads with n events each: keys as Redis counts them, fields as
//	                                     they are packed
//
// CPU is processor time: of the server that is posted to, of its Redis, and of the client. On a
// machine that is busy elsewhere, it varies less than all other figures.
//
// A status is about a message that was sent through wagate. The benchmark creates the attempts
// through wagate's store, as the send call does.
package ingest
