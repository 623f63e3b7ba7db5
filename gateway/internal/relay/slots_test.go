package relay

import (
	"log/slog"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wagate/followup"
)

// TestSlotsNeverOverflow: whatever is claimed within what room allows stays
// within all bounds, and as long as a slot is free there is room for whoever
// has none.
func TestSlotsNeverOverflow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(1, 20).Draw(t, "total")
		per := rapid.IntRange(1, 10).Draw(t, "per")
		owners := map[followup.AssistantID]followup.TenantID{}
		for n := 1; n <= 6; n++ {
			owners[assistantID(n)] = tenantID((n + 1) / 2) // but for the seventh, who is nobody's
		}
		s := newSlots(total, per, owners, time.Now, slog.New(slog.DiscardHandler))
		busy, out := map[followup.AssistantID]int{}, map[followup.TenantID]int{}
		all := 0
		t.Repeat(map[string]func(*rapid.T){
			"claim": func(t *rapid.T) {
				c, _ := s.room()
				claimed, of := map[followup.AssistantID]int{}, map[followup.TenantID]int{}
				for range c.Limit {
					id := assistantID(rapid.IntRange(1, 7).Draw(t, "assistant"))
					if claimed[id] >= c.OfAssistant.Of(id) || of[owners[id]] >= c.OfTenant.Of(owners[id]) {
						continue
					}
					result, allowed := s.take(id)
					if !allowed {
						t.Fatal("got refused by a breaker that saw no failure")
					}
					result(nil)
					claimed[id]++
					of[owners[id]]++
					busy[id]++
					out[owners[id]]++
					all++
				}
				for tenant := range of {
					if free := total - all; out[tenant] > max(free, 1) {
						t.Fatalf("got %d out of a tenant just served and %d free, want no more than are free", out[tenant], free)
					}
				}
			},
			"end": func(t *rapid.T) {
				id := assistantID(rapid.IntRange(1, 7).Draw(t, "assistant"))
				if busy[id] > 0 {
					s.give(id)
					busy[id]--
					out[owners[id]]--
					all--
				}
			},
			"": func(t *rapid.T) {
				if all > total {
					t.Fatalf("got %d out, want at most %d", all, total)
				}
				for id, n := range busy {
					if n > per {
						t.Fatalf("got %d out to %s, want at most %d", n, id, per)
					}
				}
				c, again := s.room()
				if (c.Limit == 0) != (all == total) || again != 0 {
					t.Fatalf("got limit %d and again in %v with %d of %d out", c.Limit, again, all, total)
				}
				for id, tenant := range owners {
					if out[tenant] == 0 && c.Limit > 0 && (c.OfTenant.Of(tenant) < 1 || c.OfAssistant.Of(id) < 1) {
						t.Fatalf("got no room for %s, whose tenant has none out, with %d of %d out", id, all, total)
					}
				}
			},
		})
	})
}

// TestRoomIsShared: however much tenants have to deliver that nobody answers,
// each gets the same, and as much stays free.
func TestRoomIsShared(t *testing.T) {
	t.Parallel()
	const total, each = 512, 64 // assistants of each tenant
	for _, hogs := range []int{1, 2, 3, 7, 20} {
		owners := map[followup.AssistantID]followup.TenantID{}
		for n := range hogs * each {
			owners[assistantID(n)] = tenantID(n % hogs)
		}
		s := newSlots(total, 16, owners, time.Now, slog.New(slog.DiscardHandler))
		out, free, turn := map[followup.TenantID]int{}, total, 0
		for {
			c, _ := s.room()
			of, before := map[followup.TenantID]int{}, free
			for tried := 0; tried < hogs*each && before-free < c.Limit; tried++ {
				id := assistantID(turn % (hogs * each))
				turn++
				if of[owners[id]] < c.OfTenant.Of(owners[id]) && c.OfAssistant.Of(id) > 0 {
					s.take(id)
					of[owners[id]]++
					out[owners[id]]++
					free--
				}
			}
			if free == before {
				break
			}
		}
		equal := total / (hogs + 1)
		for n := range hogs {
			// A claim that could take more than is left of the share takes nothing.
			if got := out[tenantID(n)]; got > equal+1 || got < equal-maxClaim/hogs {
				t.Errorf("one of %d: got %d out, want up to %d", hogs, got, equal)
			}
		}
		if free < equal {
			t.Errorf("%d tenants: got %d free, want at least %d", hogs, free, equal)
		}
	}
}

// TestHoldAfterClaim: a delivery that was claimed before its assistant
// asked to wait is not tried.
func TestHoldAfterClaim(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newSlots(8, 8, nil, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	if _, allowed := s.take(assistantID(1)); !allowed {
		t.Error("got refused at first, want allowed")
	}
	s.hold(assistantID(1), time.Minute)
	s.give(assistantID(1))
	if _, allowed := s.take(assistantID(1)); allowed {
		t.Error("got allowed while the assistant is held, want refused")
	}
	s.give(assistantID(1))
	if c, again := s.room(); c.OfAssistant.Of(assistantID(1)) != 0 || again < time.Minute {
		t.Errorf("got room for %d, again in %v, want none for a minute", c.OfAssistant.Of(assistantID(1)), again)
	}
	now = now.Add(time.Minute)
	if c, _ := s.room(); c.OfAssistant.Of(assistantID(1)) != 1 {
		t.Errorf("got room for %d after the hold, want for one", c.OfAssistant.Of(assistantID(1)))
	}
	if _, allowed := s.take(assistantID(1)); !allowed {
		t.Error("got refused after the hold, want allowed")
	}
	if _, allowed := s.take(assistantID(1)); allowed {
		t.Error("got a second allowed before the first was answered, want refused")
	}
}

// TestShorterHoldDoesNotCutLonger: by another delivery's answer that asks for less.
func TestShorterHoldDoesNotCutLonger(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newSlots(8, 8, nil, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	for range 2 {
		s.take(assistantID(1))
	}
	s.hold(assistantID(1), time.Hour)
	s.hold(assistantID(1), time.Second)
	for range 2 {
		s.give(assistantID(1))
	}
	now = now.Add(time.Minute)
	if c, again := s.room(); c.OfAssistant.Of(assistantID(1)) != 0 || again < 59*time.Minute {
		t.Errorf("got room for %d, again in %v, want none for the hour", c.OfAssistant.Of(assistantID(1)), again)
	}
}
