// Package redisstore is followup.Store on Redis: one server, a sentinel's
// master, a Redis Cluster, or the Redis embedded in the process. All that
// changes something is a Lua script (lua/*.lua, the libraries they share in
// lua/lib) that touches one hash slot and declares every key; each file says
// what it needs, takes, returns and guarantees, and is linked with what it uses of the libraries.
//
// # Keys
//
// A lead's partition is {p<n>}, n = FNV-1a(lead id) mod partitions. Everything
// of the lead lies there, so one script settles it.
//
//	key                    type    holds                                      until
//	{p}:l:<lead>           hash    record, windows, live runs, counters       erased; a merged or erased lead leaves a tombstone;
//	                                                                          of a stand-in an hour after nothing waits there
//	{p}:d:<lead>           string  dedup: 8 bytes of id + 4 of first sight;   9 days after the last event
//	                               while they are five at most, in the lead
//	{p}:e:<lead>           hash    runs with their timelines                  30 days after a run ended
//	{p}:a:<lead>           hash    attempts                                   30 days, trimmed as new ones come
//	{p}:h:<lead>:<channel> list    history, at most 30                        30 days
//	{p}:q:<lead>:<assist.> list    relay queue {"t":<real ms>,"e":<event>}    delivered or dead
//	{p}:f:<lead>:<assist.> hash    the frozen delivery at its head            finished, and what was split too; an hour more for a repeated request
//	{p}:sg:<tenant>, si    zset    armed steps by due, and tenants by their first
//	{p}:sl                 zset    claimed and sending steps by end of lease
//	{p}:rg:<assist.>, ri   zset    queues by when they may be tried, and assistants by their first
//	{p}:rb                 hash    events waiting, of all queues, per assistant; and in       none waits
//	                               dead letters, d:<assistant>:<tenant>
//	{p}:w                  zset    windows by closing time                    an hour after closing
//	{p}:ctl                hash    copy of the control state                  for good: one field per config, channel, tenant
//	{p}:dead, dead:<tenant> zset   dead letters by time, of all and of one    replayed, dropped, lead erased
//	{p}:deadh              hash    their contents                             likewise
//	{p}:deadn              hash    what each of them counts, and each lead's    likewise
//	{p}:did:<id>           string  rm:<request> that removed a dead letter,   an hour
//	                               or mv:<lead> that handed it on
//	{t:<tenant>}:alias     hash    canonical phone, BSUID, external id → lead erased
//	{t:<tenant>}:leads     zset    leads by creation                          erased
//	{t:<tenant>}:cfg, cfga hash    configs; assistant → config                deleted
//	{t:<tenant>}:lad       hash    ladders by content hash                    for good: small, and shared
//	{t:<tenant>}:ctl       hash    master of the control state                for good
//	{i:<tenant>:<digest>}  hash    an idempotency key                         24 hours
//	{m:<tenant>:<id>}      hash    a message by one of its ids                30 days
//	…:parked               list    receipts that came before it, at most 20   8 days
//	{a:<digest>}:tpl, tplz hash, zset what was said of an account's templates, and in order; at most 10,000 of them  30 days after the last
//	{c:<channel>}:pace     hash    next free slot of the channel's rate       a day
//	wagate:meta            hash    format, partitions, anchor of the clock    for good
//
// Redis expires keys only to be clean: no rule depends on it, as the embedded
// one expires nothing.
//
// # Formats
//
// wagate:meta has the format of the whole, which says whether a program may open it at
// all. Within it what is stored in several fields has a version of its own, so that two
// versions of the program can share a Redis while one takes the other's place: who reads
// an older one writes it anew by and by, who meets a newer one leaves it alone. A lead's
// v speaks for all that lies with the lead: a step or delivery of it is not claimed, and
// whatever else is asked about it is answered with an error, so that a webhook is sent
// again and may meet the newer replica. Likewise a config's, and
//
//	a message             whoever looks for it, links it or would park a receipt under its id is told
//	an idempotency key    its request is answered 503: it may have been sent; the key is not forgotten either
//	a note of a template  nothing is sent by it; what comes with it is noted, and comes again
//
// It is said in the log once a minute. testdata/format*.redis are stores of
// each format there was, which every later program must go on from.
//
//	1   first sights are in keys of their own always
//	2   few are in the lead's hash, where programs up to format 1 would not look: they would relay
//	    again what another replica has relayed, and so must not share such a store
//
// A store keeps the format that it began with, so whoever began it can go on, or come back. Where no
// older program will run any more, HSET wagate:meta format 2, and a restart, saves a key for most leads;
// what is in keys then is read there, and goes with them.
//
// # Clock
//
// Real time is that of Redis, whatever the machines' clocks say: Real counts on from
// what Redis said last by the process's own steady clock, which nobody sets. Redis is
// asked at start and each quarter of a minute; of a Cluster the median of its masters'
// clocks counts.
//
//	what jumps                               what happens
//	the machine's clock, back or forth       nothing; the offset, which is exported, tells of it
//	Redis', as after a failover              it is followed by three seconds a minute; logged
//	both, forward: the machine slept         it is followed at once, at the next question
//
// So Real never goes back, a lease lasts for 19/20 of its length at least, and nothing
// becomes due earlier than by a twentieth of the time since the jump. A process that
// starts after the jump takes Redis' time as it is, as it knows no other: it and the
// others are apart by what they have not made up for yet. What it then claims too early
// from them is fenced by its token, as after any lost lease. While a machine sleeps, and
// for a quarter of a minute after that, its clock is late: it claims late, and may see a
// window as open for as long as it slept.
//
// # Decisions
//
// A hash that has no field of more than 64 bytes Redis keeps packed, in a third of the
// memory. So a live run is several short fields of its lead's hash, not one (lua/lib/pack.lua);
// what a waiting one has no use for is not there.
//
// The truth about a lead is in its hash; due sets, leases and windows are
// indexes of it. Claims look with plain pipelined reads over all partitions and
// then claim with scripts that look again: two replicas that see the same do no
// harm, and an idle claim is one round trip. In a Cluster each master is asked for itself, so
// that one that hangs keeps nothing from the others until somebody takes its place. Rejected: a
// script per partition that finds its own candidates, as it could not declare its keys. Deliveries are
// indexed by assistant, since whose it is may change with the operator's file; the claim brings
// that along, and turns are taken by tenant first.
//
// Under lease, a queue stays in its due set at the end of the lease, so that
// recovery is the claim itself. Steps have a set for leases of their own,
// because they are due by domain time and leased by real time.
//
// A delivery's events stay in the queue until it is finished; frozen are their
// number and the webhook-id. Nothing is copied, and a crash leaves nothing to
// be put back. Finishing trims them off. To split a delivery is likewise to note how
// many events at the head go one by one.
//
// What waits for an assistant is counted per partition by every script that makes
// a queue longer or shorter: once per script, not per event. A settlement looks at
// its own partition's count before it writes. Within the partition's share of the
// bound that is all; beyond it, the sum of all partitions decides, which is asked for
// at most once a second. So leads that fall unevenly onto partitions are not refused
// early, and each partition has its share whatever goes on in the others: refusing
// begins at the bound, and ends at twice the bound at the latest. Rejected: the
// shares alone, as a conversation of twenty events would use one up where the bound
// is a thousand. When nothing waits for an assistant, the count is forgotten, so that
// an error in it does not last.
//
// Dead letters count as what waits does, in a field of their own, which a settlement reads with the
// other. What each letter counted is noted beside it, so it counts once and is taken off as what it was,
// readable or not. A program that counts none leaves letters without that note, and notes without a
// letter: RecountDead compares the names, at the start and every few minutes, and reads
// only the letters it has no note of. Rejected: to sum the letters themselves, as they hold all the events.
//
// A raw webhook is in the queue of each conversation it has items of, whole or
// narrowed to these, as one element whose body is in base64: four bytes for three,
// and some 330 for the rest, until it is delivered or dropped. It is told from
// other events by how the element begins, so its body is never decoded here.
//
// A merge goes over two slots. The tombstone keeps its runs, and a step in sending
// is finished there; what that says of the lead is told to the lead it became, and
// what it tells the assistant is forwarded to that one's queue, each in steps that
// may be repeated. Should a process die in between, whoever claims the tombstone's queue
// goes on. The winner notes whom it is about to take in before he is made a tombstone, and
// is not forgotten itself before these are: so its erasure finds them wherever a merge
// stopped. One that had not begun cannot begin any more. Nor does who is being erased become a part of
// anybody: whoever is about to make him that goes on with the erasure.
//
// Whose a phone is that comes with a user id is said by the record of the lead it leads
// to, in another slot: the script of the alias map says that it is in doubt, the record is
// read, and the script goes again with what that says. That costs two round trips, where a
// known phone meets a user id for the first time. A replica remembers whom a phone
// leads to for minutes only, as that may change without the lead's moving.
//
// What came for a contact who was no lead lies under a stand-in, found by his phone or
// user id. Resolve merges it into the lead that he is, like any loser but for record
// and identities, of which it has none. What stays is no tombstone but a pointer that
// counts for an hour, and it is left where there was nothing to import, too, before
// anybody settles anything for the lead: so who had looked before him is turned away,
// looks again, and meets what is known of the event. The same id stands for a
// stranger again after that hour, or once the lead is erased, and may be imported again;
// the winner notes each import with the merge that handed it over. Rejected: a
// pointer that stays for good, two keys more for each lead.
//
// The client retries after an error of transport without knowing whether the
// request was carried out. Scripts that would answer differently the second
// time are given an id of the request, keep it with what they wrote, and answer
// the same id the same. Of each lead the last answer is kept; a repetition that another
// request overtook is carried out anew, where tokens, attempts and dedup make it harmless; a
// start by hand, which none of them does, is kept by itself. Of an erasure none is: runs that its
// first try ended are counted by nobody. A call repeated by the program is another request.
//
// The scripts that are asked for at the same time go to their node together, in
// one pipeline, with one WAIT behind them where that is promised (lane.go). It
// makes one try: a script that could not be run where it came goes again alone. Of one
// lead there is one in a batch, since a broken connection repeats it whole.
//
// The cluster client routes commands one by one, and a WAIT goes anywhere; so
// for a durable script that goes alone MOVED, ASK, TRYAGAIN and NOSCRIPT are followed
// here, with the script and its WAIT in one pipeline on one connection. Since Redis 7.2 that asks for
// what its connection wrote last; so a script that meets its own earlier request writes
// something again, after what another connection wrote for the first try.
//
// While a slot migrates, a script whose keys are partly here and partly there is
// answered TRYAGAIN. It is tried until the context ends; other slots go on. A claim of deliveries is
// not, as others are asked for in it: it comes again soon.
//
// Control state (inactive configs, pauses) is written to the tenant's master,
// then to every partition, before the call returns, and only then are the live
// runs of a config ended one by one. A crash in between is safe: guards and
// claims end what they meet, SyncControl brings the copies up to the master, and who
// makes the config active again, or deletes it again, first ends what is left.
// Versions are instants, so that a master that lost its last writes still
// writes newer ones than its copies have.
//
// Open does not refuse a Redis that cannot keep the promised durability: it
// may be mended while it runs. It says so in the log, in wagate_redis_durable
// and in Check. With replicas:N the promise is enforced by each call. A claim of a delivery
// waits for replicas, too: it names the webhook-id, and what is handed out must not die with a
// master, to be settled and shown again as something else.
package redisstore
