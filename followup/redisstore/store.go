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
	fewInHash   bool // a lead's hash may have few first sights
	durability  Durability
	waitTimeout time.Duration
	patience    patience
	embedded    bool
	log         *slog.Logger
	metrics     *metrics
	newToken    func() string // of claims and requests
	now         func() time.Time
	// onEnded is told of runs that ended where the contract returns none: by a
	// merge, a change of the record, an erasure, or what is not as durable as it should be.
	onEnded func([]followup.Ended)

	lanes   lanes
	aliases aliases
	backlog backlog
	// Of claimed runs what never changes in them, and what their scripts' keys are made
	// of: tenant, assistant, channel.
	known remembered[followup.RunID, followup.Run]
	// Leads that were seen with a run, to whose replies said is asked in vain. A reply ends it.
	followed remembered[followup.LeadID, struct{}]
	turns    turns                   // whose deliveries were claimed last
	tenants  turn[followup.TenantID] // whose steps were claimed last
	clock    clock
	unheard  unheard                   // claims whose answer did not come
	unread   unread                    // due steps that only a newer replica can read
	lefts    sometimes.Limiter[string] // by reason
	told     atomic.Pointer[string]
}

// token is as random as a UUID, and shorter.
func token() string {
	u := uuid.New()
	return base64.RawURLEncoding.EncodeToString(u[:])
}
