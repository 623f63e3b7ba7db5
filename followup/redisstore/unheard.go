package redisstore

import (
	"sync"

	"wagate/followup"
)

// claimOf is a claim of steps in one partition.
type claimOf struct {
	partition int
	token     string
	steps     []candidate
}

// unheard remembers claims whose answer did not come. Nobody works on their steps. The same claim
// again, under the same token, returns them; otherwise they would wait for the end of their lease,
// and each would count as claimed in vain once more.
type unheard struct {
	mu     sync.Mutex
	claims []claimOf
}

func (u *unheard) put(c claimOf) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.claims = append(u.claims, c)
}

// take removes and returns the claims that c has room for. Steps that it has no room for stay, under
// the token of their claim.
func (u *unheard) take(c followup.ClaimParams) []claimOf {
	u.mu.Lock()
	defer u.mu.Unlock()
	var claims, left []claimOf
	steps, taken := 0, map[followup.TenantID]int{}
	for _, of := range u.claims {
		now, later := claimOf{of.partition, of.token, nil}, claimOf{of.partition, of.token, nil}
		for _, f := range of.steps {
			if steps == c.Limit || taken[f.tenant] >= c.Room(f.tenant) {
				later.steps = append(later.steps, f)
				continue
			}
			taken[f.tenant]++
			steps++
			now.steps = append(now.steps, f)
		}
		if len(now.steps) > 0 {
			claims = append(claims, now)
		}
		if len(later.steps) > 0 {
			left = append(left, later)
		}
	}
	u.claims = left
	return claims
}
