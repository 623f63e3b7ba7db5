package relay

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wagate/followup"
)

// TestSlotsNeverOverflow: claims within what room allows stay within all bounds. As long as a slot
// is free, there is room for every tenant that has nothing out.
func TestSlotsNeverOverflow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(1, 20).Draw(t, "total")
		per := rapid.IntRange(1, 10).Draw(t, "per")
		owners := map[followup.AssistantID]followup.TenantID{}
		for n := 1; n <= 6; n++ {
			owners[assistantID(n)] = tenantID((n + 1) / 2) // the seventh assistant is owned by no tenant
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
						t.Fatal("take refused although there was no failure")
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
						t.Fatalf("got %d out for the tenant just served with %d free, want no more out than free", out[tenant], free)
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
					t.Fatalf("got limit %d and a wait of %v with %d of %d out", c.Limit, again, all, total)
				}
				for id, tenant := range owners {
					if out[tenant] == 0 && c.Limit > 0 && (c.OfTenant.Of(tenant) < 1 || c.OfAssistant.Of(id) < 1) {
						t.Fatalf("got no room for %s, whose tenant has nothing out, with %d of %d out", id, all, total)
					}
				}
			},
		})
	})
}

// TestRoomIsShared: however much the tenants have to deliver to assistants that never answer, each
// tenant gets the same share of the slots, and an equal share stays free.
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
			// A claim takes nothing if it could take more than is left of the share.
			if got := out[tenantID(n)]; got > equal+1 || got < equal-maxClaim/hogs {
				t.Errorf("one of %d tenants: got %d out, want up to %d", hogs, got, equal)
			}
		}
		if free < equal {
			t.Errorf("%d tenants: got %d free, want at least %d", hogs, free, equal)
		}
	}
}

// TestHoldAfterClaim: a delivery that was claimed before its assistant asked to wait is not tried.
func TestHoldAfterClaim(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newSlots(8, 8, nil, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	if _, allowed := s.take(assistantID(1)); !allowed {
		t.Error("refused before the hold, want allowed")
	}
	s.hold(assistantID(1), time.Minute)
	s.give(assistantID(1))
	if _, allowed := s.take(assistantID(1)); allowed {
		t.Error("allowed during the hold, want refused")
	}
	s.give(assistantID(1))
	if c, again := s.room(); c.OfAssistant.Of(assistantID(1)) != 0 || again < time.Minute {
		t.Errorf("got room for %d and a wait of %v, want no room for a minute", c.OfAssistant.Of(assistantID(1)), again)
	}
	now = now.Add(time.Minute)
	if c, _ := s.room(); c.OfAssistant.Of(assistantID(1)) != 1 {
		t.Errorf("got room for %d after the hold, want 1", c.OfAssistant.Of(assistantID(1)))
	}
	if _, allowed := s.take(assistantID(1)); !allowed {
		t.Error("refused after the hold, want allowed")
	}
	if _, allowed := s.take(assistantID(1)); allowed {
		t.Error("a second delivery was allowed before the first was answered, want it refused")
	}
}

// TestShorterHoldDoesNotCutLonger: if another delivery's answer asks for a shorter wait, the longer
// hold stays.
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
		t.Errorf("got room for %d and a wait of %v, want no room for the rest of the hour", c.OfAssistant.Of(assistantID(1)), again)
	}
}

// TestSoonestHoldIsWaitedFor: if several assistants may get nothing now, the wait is that until the
// first of them may.
func TestSoonestHoldIsWaitedFor(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newSlots(20, 1, nil, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	for n := 1; n <= 10; n++ {
		s.take(assistantID(n))
		s.hold(assistantID(n), time.Duration(n)*time.Minute)
		s.give(assistantID(n))
	}
	if _, again := s.room(); again < time.Minute || again >= 2*time.Minute {
		t.Errorf("got a wait of %v, want the shortest, a minute", again)
	}
}

// TestHoldIsLoggedOnce: an assistant that asks to wait again and again is logged when it begins.
func TestHoldIsLoggedOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var log bytes.Buffer
	s := newSlots(8, 8, nil, func() time.Time { return now }, slog.New(slog.NewTextHandler(&log, nil)))
	for _, well := range []bool{false, false, true, false} { // how the assistant answers; not well is a request to wait
		result, allowed := s.take(assistantID(1))
		if !allowed {
			t.Fatal("refused after the hold, want allowed")
		}
		if well {
			result(nil)
		} else {
			s.hold(assistantID(1), time.Minute)
			result(unhealthy{"status 429"})
		}
		s.give(assistantID(1))
		now = now.Add(time.Minute)
	}
	if got := strings.Count(log.String(), "assistant asks to wait"); got != 2 {
		t.Errorf("got %d lines in log %s, want 2: it answered well in between", got, &log)
	}
}
