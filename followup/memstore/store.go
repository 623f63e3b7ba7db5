package memstore

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"wagate/followup"
)

// Store implements followup.Store in memory. Use New.
type Store struct {
	mu      sync.Mutex
	leads   map[followup.LeadID]*lead
	aliases map[alias]followup.LeadID
	ladders map[ladderKey]followup.Ladder
	configs map[followup.ConfigID]followup.Config
	// off holds the state of configs that are not active. It is never cleaned up: a run may still
	// name a config that was deleted long ago.
	off       map[followup.ConfigID]followup.ConfigState
	paused    map[pause]bool
	keys      map[keyID]*idempotency
	slots     map[followup.ChannelID]float64 // theoretical arrival time, Unix ms
	messages  map[messageID]*followup.MessageRef
	parked    map[messageID][]followup.Parked
	dead      map[string]*followup.DeadLetter
	templates map[templateID]followup.TemplateNote

	// OnEnded, if set before the first call, is called with ended runs that the method's result has no
	// place for.
	OnEnded func([]followup.Ended)

	// MaxBacklog, if set before the first call, is how many events may wait for one assistant; 0: any
	// number.
	MaxBacklog int

	// The owners served last, so that the next round-robin starts after them.
	lastTenant     followup.TenantID
	relayTenant    followup.TenantID
	relayAssistant map[followup.TenantID]followup.AssistantID
}

var _ followup.Store = (*Store)(nil)

type (
	alias struct {
		tenant   followup.TenantID
		kind, id string
	}
	ladderKey struct {
		tenant followup.TenantID
		hash   followup.LadderHash
	}
	pause struct {
		tenant  followup.TenantID
		channel followup.ChannelID
	}
)

// New returns an empty store.
func New() *Store {
	return &Store{
		leads:     map[followup.LeadID]*lead{},
		aliases:   map[alias]followup.LeadID{},
		ladders:   map[ladderKey]followup.Ladder{},
		configs:   map[followup.ConfigID]followup.Config{},
		off:       map[followup.ConfigID]followup.ConfigState{},
		paused:    map[pause]bool{},
		keys:      map[keyID]*idempotency{},
		slots:     map[followup.ChannelID]float64{},
		messages:  map[messageID]*followup.MessageRef{},
		parked:    map[messageID][]followup.Parked{},
		dead:      map[string]*followup.DeadLetter{},
		templates: map[templateID]followup.TemplateNote{},

		relayAssistant: map[followup.TenantID]followup.AssistantID{},
	}
}

// lock locks the store, unless ctx has ended already.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	return s.mu.Unlock, nil
}

// reportEnded passes runs that ended to OnEnded.
func (s *Store) reportEnded(ended []followup.Ended) {
	if s.OnEnded != nil && len(ended) > 0 {
		s.OnEnded(ended)
	}
}

// ms truncates a time to milliseconds, in UTC. The zero time stays zero.
func ms(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// clone returns a deep copy of a JSON value, so that no caller shares it with the store.
func clone[T any](v T) T {
	b, err := json.Marshal(v)
	if err != nil {
		panic("memstore: " + err.Error()) // only values that came out of JSON get here
	}
	var out T
	if err := json.Unmarshal(b, &out); err != nil {
		panic("memstore: " + err.Error())
	}
	return out
}

// cloneFields returns a deep copy of custom fields.
func cloneFields(fields map[string]any) map[string]any {
	b, err := json.Marshal(fields)
	if err != nil {
		panic("memstore: " + err.Error()) // as above
	}
	out, err := followup.ParseFields(b)
	if err != nil {
		panic("memstore: " + err.Error())
	}
	return out
}

// roundRobin returns the items in the order in which they are served: one of each owner in turn. Owners
// are sorted, starting after last; each owner's items stay in the order given.
func roundRobin[T any, K cmp.Ordered](items []T, owner func(T) K, last K) []T {
	of := groups(items, owner)
	owners := slices.Sorted(maps.Keys(of))
	i := slices.IndexFunc(owners, func(k K) bool { return k > last })
	if i > 0 {
		owners = slices.Concat(owners[i:], owners[:i])
	}
	out := make([]T, 0, len(items))
	for round := 0; len(out) < len(items); round++ {
		for _, k := range owners {
			if round < len(of[k]) {
				out = append(out, of[k][round])
			}
		}
	}
	return out
}

// groups collects each owner's items, in the order given.
func groups[T any, K comparable](items []T, owner func(T) K) map[K][]T {
	of := map[K][]T{}
	for _, it := range items {
		of[owner(it)] = append(of[owner(it)], it)
	}
	return of
}

// page returns the part of a list that offset and limit select.
func page[T any](list []T, limit, offset int) []T {
	offset = min(max(offset, 0), len(list))
	return list[offset:min(offset+max(limit, 0), len(list))]
}
