// Package redisstore implements followup.Store on Redis: a single server, the master that a
// sentinel names, a Redis Cluster, or the Redis embedded in the process. Every change is made by a
// Lua script (lua/*.lua; the libraries that scripts share are in lua/lib). A script touches one
// hash slot and declares every key. Each file states its keys, its arguments, its replies and its
// guarantees. Before a script is loaded it is linked with the library functions that it uses.
//
// # Keys
//
// A lead's partition is {p<n>}, with n = FNV-1a(lead id) mod partitions. Everything that belongs to
// the lead lies in that slot, so one script settles the lead.
//
//	key                    type    holds                                      until
//	{p}:l:<lead>           hash    record, windows, live runs, counters       erased; a merged or erased lead leaves a
//	                                                                          tombstone; a stand-in goes an hour after
//	                                                                          nothing waits under it
//	{p}:d:<lead>           string  dedup: 8 bytes of id + 4 of first sight;   9 days after the last event
//	                               up to five of them lie in the lead's hash
//	{p}:e:<lead>           hash    runs with their timelines                  30 days after a run ended
//	{p}:a:<lead>           hash    attempts                                   30 days, trimmed as new ones come
//	{p}:h:<lead>:<channel> list    history, at most 30                        30 days
//	{p}:q:<lead>:<assist.> list    relay queue {"t":<real ms>,"e":<event>}    delivered or dead
//	{p}:f:<lead>:<assist.> hash    the frozen delivery at the queue's head    finished, and split events gone; an hour
//	                                                                          more for a repeated request
//	{p}:sg:<tenant>, si    zset    armed steps by due, and tenants by their first
//	{p}:sl                 zset    claimed and sending steps by end of lease
//	{p}:rg:<assist.>, ri   zset    queues by when they may be tried, and assistants by their first
//	{p}:rb                 hash    events waiting per assistant, over all     none waits
//	                               queues; and events in dead letters,
//	                               d:<assistant>:<tenant>
//	{p}:w                  zset    windows by closing time                    an hour after closing
//	{p}:ctl                hash    copy of the control state                  for good: one field per config, channel,
//	                                                                          tenant
//	{p}:dead, dead:<tenant> zset   dead letters by time: all, a tenant's      replayed, dropped, lead erased
//	{p}:deadh              hash    the contents of dead letters               likewise
//	{p}:deadn              hash    what each letter counts, and each lead's   likewise
//	{p}:did:<id>           string  why a dead letter left: rm:<request>       an hour
//	                               removed it, or mv:<lead> handed it on
//	{t:<tenant>}:alias     hash    canonical phone, BSUID, external id → lead erased
//	{t:<tenant>}:leads     zset    leads by creation                          erased
//	{t:<tenant>}:cfg, cfga hash    configs; assistant → config                deleted
//	{t:<tenant>}:lad       hash    ladders by content hash                    for good: small, and shared
//	{t:<tenant>}:ctl       hash    master of the control state                for good
//	{i:<tenant>:<digest>}  hash    an idempotency key, with the sealed answer 24 hours
//	{m:<tenant>:<id>}      hash    a message, under one of its ids            30 days
//	…:parked               list    receipts that came before it, at most 20   8 days
//	{a:<digest>}:tpl, tplz hash, zset  notes of an account's templates, and   30 days after the last
//	                               their order by time; at most 10,000
//	{c:<channel>}:pace     hash    next free slot of the channel's rate       a day
//	wagate:meta            hash    format, partitions, anchor of the clock    for good
//
// Expiry in Redis only cleans up. No rule depends on it, because the embedded Redis expires
// nothing.
//
// # Formats
//
// The format in wagate:meta describes the whole store. It says whether a program may open the store
// at all. Within a store, every value that is made of several fields has a version of its own. This
// lets two versions of the program share a Redis during a rolling update: a program rewrites older
// values by and by, and leaves newer ones alone. A lead's version (field v) covers everything that
// lies with the lead. A program that meets a newer lead claims no step and no delivery of it, and
// answers every other question about it with an error, so that the webhook is sent again and may
// reach the newer replica. The same holds for a config, and for
//
//	a message             finding it, linking it or parking a receipt under its id fails
//	an idempotency key    its request is answered 503, as it may have been sent; the key is not forgotten either
//	a note of a template  nothing is sent by it; notes that come with it are stored, and come again
//
// Each of these is logged at most once a minute. testdata/format*.redis hold a store of each
// format; every later program must be able to go on from them.
//
//	1   first sights always have a key of their own
//	2   a few first sights lie in the lead's hash. Programs that know only format 1 would not look
//	    there and would relay again what another replica has relayed, so they must not share the store
//
// A store keeps the format that it began with, so the program that began it can go on, or come
// back. Once no older program will run any more, HSET wagate:meta format 2 and a restart save a key
// for most leads. First sights that already have a key are still read from it, and go when the key
// goes.
//
// # Clock
//
// Real time is the time of Redis, whatever the machines' clocks say. Real extrapolates from Redis'
// last answer with the process's own monotonic clock, which nobody sets. Redis is asked at start
// and every 15 seconds. Of a Cluster, the median of the masters' clocks counts.
//
//	what jumps                               what happens
//	the machine's clock, back or forth       nothing; the exported offset shows it
//	Redis', as after a failover              it is followed by three seconds a minute; logged
//	both, forward: the machine slept         it is followed at once, when Redis is asked next
//
// So Real never goes back, a lease lasts at least 19/20 of its length, and nothing becomes due
// early by more than a twentieth of the time since the jump. A process that starts after the jump
// takes Redis' time as it is, because it knows no other; it and the older processes differ by what
// these have yet to make up for. If the new process therefore claims something too early, the token
// fences the earlier claim, as after any lost lease. While a machine sleeps, and for 15 seconds
// after that, its clock is late: it claims late, and may take a window to be open for as long as it
// slept.
//
// # Decisions
//
// Redis keeps a hash packed, in a third of the memory, if no field is longer than 64 bytes. So a
// live run is several short fields of its lead's hash instead of one (lua/lib/pack.lua), and a
// field that an armed run does not need is absent.
//
// The lead's hash is the truth about the lead; due sets, leases and windows are indexes of it. A
// claim first looks at all partitions with plain pipelined reads, and then claims with scripts that
// look again. Two replicas that see the same candidates do no harm, and an idle claim is one round
// trip. In a Cluster each master is asked separately, so a master that hangs, until a replica takes
// its place, does not hold up the others. Rejected: one script per partition that finds its own
// candidates, because it could not declare its keys. Deliveries are indexed by assistant, because
// the tenant that an assistant belongs to may change with the operator's file; the claim brings
// that mapping along, and tenants take turns first.
//
// A leased queue stays in its due set, at the end of the lease, so the claim itself does the
// recovery. Steps have a separate set for leases, because they are due by domain time and leased by
// real time.
//
// A delivery's events stay in the queue until the delivery is finished. Freezing a delivery fixes
// the number of its events and the webhook-id. Nothing is copied, so a crash leaves nothing to put
// back. Finishing trims the events off the queue. Splitting a delivery likewise only notes how many
// events at the head go one by one.
//
// Every script that makes a queue longer or shorter counts, per partition, what waits for the
// assistant: once per script, not per event. A settlement looks at its own partition's count before
// it writes. While the count is within the partition's share of the bound, nothing else is looked
// at. Beyond it, the sum over all partitions decides, and that sum is read at most once a second.
// So leads that fall unevenly onto partitions are not refused early, and each partition has its
// share whatever happens in the others: refusals begin at the bound at the earliest and at twice
// the bound at the latest. Rejected: shares alone, because a conversation of twenty events would
// use one up when the bound is a thousand. When nothing waits for an assistant, the count is
// deleted, so an error in it does not last.
//
// Dead letters count as waiting, in a field of their own that a settlement reads together with the
// other. A note beside each letter says what it counted. So a letter counts once, and the same
// amount is taken off again, even if the letter has become unreadable. A program that does not
// count letters leaves letters without a note, and notes without a letter. RecountDead compares the
// names at the start and every few minutes, and reads only the letters that have no note. Rejected:
// summing the letters themselves, because they hold all the events.
//
// A raw webhook is queued in each conversation that it has items of, whole or narrowed to those
// items. It is one element with its body in base64: four bytes for three, and some 330 bytes for
// the rest, until it is delivered or dropped. The beginning of the element tells it from other
// events, so the scripts never decode its body.
//
// A merge spans two slots. The tombstone keeps its runs, and a step in sending is finished there.
// What the step says about the lead is told to the lead that the tombstone became, and what the
// step tells the assistant is forwarded to that lead's queue; each of these is done in steps that
// may be repeated. If a process dies in between, the process that next claims the tombstone's queue
// goes on. The winner notes which lead it is about to take in before that lead becomes a tombstone,
// and is itself not forgotten before those leads are. So an erasure of the winner finds them
// wherever a merge stopped, and bars a merge that had not begun. A lead that is being erased is not
// merged into any other lead either: a process that is about to merge it goes on with the erasure
// instead.
//
// When a phone comes with a user id, the record of the lead that the phone leads to says whether
// the phone is still that lead's. The record lies in another slot. So the script of the alias map
// answers that it is in doubt, the record is read, and the script runs again with the verdict. That
// costs two round trips when a known phone first meets a user id. A replica caches for minutes only
// which lead a phone leads to, because that may change although the lead does not move.
//
// What comes for a contact who is not a lead lies under a stand-in, found by the contact's phone or
// user id. Resolve merges the stand-in into the lead that the contact turns out to be, like any
// loser, except that a stand-in has no record and no identities. What stays is not a tombstone but
// a pointer that counts for an hour. The pointer is also left where there was nothing to import,
// before anything is settled for the lead. So a caller that looked the contact up before the
// pointer was there is turned away by it, looks again, and meets what is known of the event. After
// that hour, or once the lead is erased, the same id stands for a stranger again and may be
// imported again. The winner notes each import together with the merge that handed it over.
// Rejected: a pointer that stays for good, as that is two more keys per lead.
//
// After a transport error the client retries without knowing whether the request was carried out.
// Scripts that would answer differently the second time take a request id, store it with what they
// wrote, and answer the same id the same. Only the last answer is kept per lead. A repetition that
// another request overtook is carried out again; tokens, attempts and dedup make that harmless. A
// start by hand has none of these, so its request is kept in a field of its own. The answer of an
// erasure is not kept: runs that its first try ended are counted by nobody. When the program itself
// repeats a call, that is another request.
//
// Scripts that are called at the same time go to their node together, in one pipeline, with one
// WAIT behind them where replicas are promised (lane.go). The pipeline makes one try: a script that
// could not run there goes again alone. A batch holds at most one script per lead, because a broken
// connection repeats the whole batch.
//
// The cluster client routes commands one by one, and sends a WAIT anywhere. So for a durable script
// that goes alone this package follows MOVED, ASK, TRYAGAIN and NOSCRIPT itself, with the script
// and its WAIT in one pipeline on one connection. Since Redis 7.2, WAIT asks only for what its own
// connection wrote last. So a script that meets its own earlier request writes something again: the
// first try was written by another connection.
//
// While a slot migrates, Redis answers TRYAGAIN to a script whose keys are partly here and partly
// there. The script is tried until the context ends; other slots go on. A claim of deliveries is
// not retried, because other queues are asked for in the same call, and the claim comes again soon.
//
// A call that changes control state (inactive configs, pauses) writes it to the tenant's master,
// then to every partition, then ends the live runs of the config one by one, and only then returns.
// A crash in between is safe: guards and claims end the runs they meet, SyncControl brings the
// copies up to the master, and activating or deleting the config again first ends what is left.
// Versions are instants, so a master that lost its last writes still writes newer versions than its
// copies have.
//
// Open does not refuse a Redis that cannot keep the promised durability, because it may be mended
// while the program runs. The shortfall shows in the log, in wagate_redis_durable and in Check.
// With replicas:N, each call enforces the promise. A claim of a delivery waits for replicas, too:
// it names the webhook-id, and a delivery that is handed out must not die with a master, to be
// settled and shown again under another id.
package redisstore
