package inbound

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"wagate/scripts/drills/internal/cluster"
	"wagate/scripts/drills/internal/dice"
)

// blow is one fault.
type blow struct {
	at   time.Duration // since the storm began
	what blowKind
	// replicas are the wagates that it hits; moment is when exactly.
	replicas []int
	moment   moment
	linger   time.Duration // how long after the moment
	down     time.Duration // how long it stays down or frozen
	// slot is the hash tag of a slot. In a Cluster the fault hits that slot or its master.
	slot string
	deaf time.Duration // how long a master's replica hears nothing of it before it is killed
}

// blowKind is the kind of a fault.
type blowKind string

// The kinds.
const (
	killWagate blowKind = "wagate killed"
	killRedis  blowKind = "redis killed"
	killAll    blowKind = "wagate and redis killed"
	// A frozen process hangs for a while and then goes on.
	freezeWagate blowKind = "wagate frozen"
	freezeRedis  blowKind = "redis frozen"
	flush        blowKind = "scripts flushed"
	moveSlot     blowKind = "slot moved"
)

// moment is the instant at which a due fault strikes.
type moment string

// The moments.
const (
	anyTime    moment = ""
	inWebhook  moment = " with a webhook in flight"
	inDelivery moment = " with a delivery in flight"
)

// blows counts the faults of each kind. A fault that hits both replicas counts twice. Slots are
// moved only in a Cluster.
type blows struct{ wagate, redis, frozenWagate, frozenRedis, flushes, slots int }

// blows plans the faults of a storm over its first nine tenths. A frozen wagate hangs for so long
// that its leases run out.
func (p *planner) blows(n blows, replicas int, storm, hang time.Duration) []blow {
	var all []blow
	storm = storm * 9 / 10
	left := n.wagate
	for i, at := range p.Spread(n.redis, storm) {
		b := blow{at: at, what: killRedis, down: time.Duration(100+p.IntN(1900)) * time.Millisecond}
		if i > 0 && left >= replicas && p.Chance(20) { // the first time, the wagates stay up to see Redis go
			b.what = killAll
			left -= replicas
		}
		all = append(all, b)
	}
	var killed [][]int
	for left > 0 {
		first := p.IntN(replicas)
		these := []int{first}
		if left > 1 && p.Chance(15) {
			these = append(these, (first+1)%replicas)
		}
		left -= len(these)
		killed = append(killed, these)
	}
	for i, at := range p.Spread(len(killed), storm) {
		all = append(all, blow{
			at: at, what: killWagate, replicas: killed[i],
			moment: dice.Pick(p.Dice, []moment{anyTime, inWebhook, inWebhook, inDelivery}),
			linger: time.Duration(p.IntN(4000)) * time.Microsecond,
			down:   time.Duration(p.IntN(1500)) * time.Millisecond,
		})
	}
	for _, at := range p.Spread(n.frozenWagate, storm) {
		all = append(all, blow{at: at, what: freezeWagate, replicas: []int{p.IntN(replicas)}, moment: inDelivery, down: hang})
	}
	for _, at := range p.Spread(n.frozenRedis, storm) {
		all = append(all, blow{at: at, what: freezeRedis, down: time.Duration(500+p.IntN(3000)) * time.Millisecond})
	}
	for _, at := range p.Spread(n.flushes, storm) {
		all = append(all, blow{at: at, what: flush})
	}
	for _, at := range p.Spread(n.slots, storm) {
		all = append(all, blow{at: at, what: moveSlot})
	}
	slices.SortStableFunc(all, func(a, b blow) int { return cmp.Compare(a.at, b.at) })
	return all
}

// inCluster chooses which slot, and so which master, each fault hits. The first master that is
// killed, and every other one after that, dies with data that its replica has not received.
func (p *planner) inCluster(all []blow) []blow {
	masters := 0
	for i := range all {
		b := &all[i]
		switch b.what {
		case killRedis, killAll:
			if masters%2 == 0 {
				b.deaf = p.Within(500*time.Millisecond, 1500*time.Millisecond)
			}
			masters++
			if b.what == killRedis {
				b.down = 0 // it is started again once its replica has taken over
			}
		case moveSlot, freezeRedis:
		case killWagate, freezeWagate, flush:
			continue
		}
		b.slot = cluster.Partition(p.Dice)
		if p.Chance(20) {
			b.slot = "{t:" + dice.Pick(p.Dice, p.tenants).id() + "}"
		}
	}
	return all
}

// String describes the fault.
func (b blow) String() string {
	s := string(b.what)
	if b.slot != "" {
		s += " " + b.slot
	}
	if len(b.replicas) > 0 {
		s += fmt.Sprintf(" %v%s", b.replicas, b.moment)
	}
	if b.deaf > 0 {
		s += fmt.Sprintf(", its replica deaf for %d ms", b.deaf.Milliseconds())
	}
	if b.down > 0 {
		s += fmt.Sprintf(", back after %d ms", b.down.Milliseconds())
	}
	return s
}

// String describes how many faults there were.
func (n blows) String() string {
	return fmt.Sprintf("wagate killed %d times and frozen %d, redis killed %d times and frozen %d, scripts flushed %d times, %d slots moved",
		n.wagate, n.frozenWagate, n.redis, n.frozenRedis, n.flushes, n.slots)
}
