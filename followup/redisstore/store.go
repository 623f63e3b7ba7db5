package redisstore

import (
	"encoding/base64"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/sometimes"
)

// Store implements followup.Store on Redis.
type Store struct {
	db          redis.UniversalClient
	partitions  int
	fewInHash   bool // a lead's hash may hold its first sights while they are few
	durability  Durability
	waitTimeout time.Duration
	patience    patience
	embedded    bool
	log         *slog.Logger
	metrics     *metrics
	newToken    func() string // makes the tokens of claims and the ids of requests
	now         func() time.Time
	// onEnded is told of runs that ended where the contract returns none: by a merge, a change of
	// the record, an erasure, or the result of a send or a step; or in a call that failed after its
	// effect.
	onEnded func([]followup.Ended)

	lanes   lanes
	aliases aliases
	backlog backlog
	// known remembers the facts of runs that never change: tenant, assistant, channel. The keys of
	// the runs' scripts are made of them.
	known remembered[followup.RunID, followup.Run]
	// followed remembers leads that were seen with a run. Their next reply ends the run, which said
	// cannot do.
	followed remembered[followup.LeadID, struct{}]
	turns    turns                   // the tenant, and each tenant's assistant, whose deliveries were claimed last
	tenants  turn[followup.TenantID] // the tenant whose steps were claimed last
	clock    clock
	unheard  unheard                   // claims whose answer did not come
	unread   unread                    // due steps that only a newer replica can read
	lefts    sometimes.Limiter[string] // limits the log of work that is left for later, by the reason for it
	told     atomic.Pointer[string]    // the problems that Check logged last
}

// token returns a text that is as random as a UUID, and shorter.
func token() string {
	u := uuid.New()
	return base64.RawURLEncoding.EncodeToString(u[:])
}
