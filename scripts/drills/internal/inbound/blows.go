package inbound

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"wagate/scripts/drills/internal/cluster"
	"wagate/scripts/drills/internal/dice"
)

// blow is one thing that breaks.
type blow struct {
	at   time.Duration // since the storm began
	what blowKind
	// replicas are whose turn it is; moment is when exactly.
	replicas []int
	moment   moment
	linger   time.Duration // from the moment on
	down     time.Duration // until it is started again
	// slot is the hash tag of one; what breaks of a Cluster is that or its master.
	slot string
	deaf time.Duration // how long before its end a master's replica hears nothing of it
}

// blowKind is what breaks.
type blowKind string

// The kinds.
const (
	killWagate blowKind = "wagate killed"
	killRedis  blowKind = "redis killed"
	killAll    blowKind = "wagate and redis killed"
	// Frozen is what hangs for a while, and then goes on as if nothing had been.
	freezeWagate blowKind = "wagate frozen"
	freezeRedis  blowKind = "redis frozen"
	flush        blowKind = "scripts flushed"
	moveSlot     blowKind = "slot moved"
)

// moment is when a blow falls, once it is due.
type moment string

// The moments.
const (
	anyTime    moment = ""
	inWebhook  moment = " with a webhook in flight"
	inDelivery moment = " with a delivery in flight"
)

// blows is how many of each there are. A blow to both replicas counts twice. Only a
// Cluster has slots.
type blows struct{ wagate, redis, frozenWagate, frozenRedis, flushes, slots int }

// blows plans what breaks in a storm, spread over all but its end. A wagate hangs
// for so long that its leases run out.
func (p *planner) blows(n blows, replicas int, storm, hang time.Duration) []blow {
	var all []blow
	storm = storm * 9 / 10
	left := n.wagate
	for i, at := range p.Spread(n.redis, storm) {
		b := blow{at: at, what: killRedis, down: time.Duration(100+p.IntN(1900)) * time.Millisecond}
		if i > 0 && left >= replicas && p.Chance(20) { // the first time somebody is there to tell
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

// inCluster says whose turn it is of a Cluster, in the order of the blows. The first
// master dies, and then every other one, with what its replica has not heard of.
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
				b.down = 0 // it is started again when its replica has taken over
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

// String says what breaks.
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

// String says how many blows fell.
func (n blows) String() string {
	return fmt.Sprintf("wagate killed %d times and frozen %d, redis killed %d times and frozen %d, scripts flushed %d times, %d slots moved",
		n.wagate, n.frozenWagate, n.redis, n.frozenRedis, n.flushes, n.slots)
}
