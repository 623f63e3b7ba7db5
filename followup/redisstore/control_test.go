package redisstore

import (
	"testing"

	"github.com/google/uuid"

	"wagate/followup"
)

// copies returns how many partitions have the control field in that state.
func copies(t *testing.T, s *Store, field, state string) int {
	t.Helper()
	n := 0
	for i := range s.partitions {
		v, err := s.db.HGet(t.Context(), tagOf(i).control(), field).Result()
		if _, got := parseControl(v); err == nil && got == state {
			n++
		}
	}
	return n
}

// TestControlIsInEveryPartition checks that every change of the control state is in all partitions
// when the call that made it returns.
func TestControlIsInEveryPartition(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		c := followup.Config{
			ID: followup.ConfigID(uuid.NewString()), TenantID: p.tenant, AssistantID: p.assistant,
			IsActive: true, CreatedAt: epoch, UpdatedAt: epoch,
		}
		steps := []struct {
			name  string
			do    func() error
			field string
			state string
		}{
			{"pause a channel", func() error { return s.Pause(t.Context(), p.tenant, p.channel, true) }, "ch:" + string(p.channel), statePaused},
			{"resume the channel", func() error { return s.Pause(t.Context(), p.tenant, p.channel, false) }, "ch:" + string(p.channel), ""},
			{"pause the tenant", func() error { return s.Pause(t.Context(), p.tenant, "", true) }, "t:" + string(p.tenant), statePaused},
			{"turn a config off", func() error {
				if err := s.CreateConfig(t.Context(), c); err != nil {
					return err
				}
				c.IsActive = false
				_, err := s.UpdateConfig(t.Context(), c, epoch, epoch, epoch)
				return err
			}, "c:" + string(c.ID), "inactive"},
			{"delete the config", func() error {
				_, err := s.DeleteConfig(t.Context(), p.tenant, c.ID, false, epoch, epoch)
				return err
			}, "c:" + string(c.ID), "deleted"},
		}
		for _, step := range steps {
			flush(t, s.db)
			if err := step.do(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if got := copies(t, s, step.field, step.state); got != s.partitions {
				t.Errorf("%s: got %d partitions that know, want %d", step.name, got, s.partitions)
			}
		}
	})
}

// TestSyncControlRepairsCopies loses copies of the control state, as a crash may, and has one copy
// that is newer than the master. SyncControl must restore the lost copies and leave the newer one
// alone.
func TestSyncControlRepairsCopies(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		if err := s.Pause(t.Context(), p.tenant, p.channel, true); err != nil {
			t.Fatal(err)
		}
		field := "ch:" + string(p.channel)
		newer := "99999999999999:"
		for i := range s.partitions - 1 {
			if err := s.db.Del(t.Context(), tagOf(i).control()).Err(); err != nil {
				t.Fatal(err)
			}
		}
		last := tagOf(s.partitions - 1).control()
		if err := s.db.HSet(t.Context(), last, field, newer).Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.SyncControl(t.Context(), []followup.TenantID{p.tenant}); err != nil {
			t.Fatal(err)
		}
		if err := s.spread(t.Context(), field, "1:"); err != nil { // a write that a newer one overtook
			t.Fatal(err)
		}
		if got := copies(t, s, field, statePaused); got != s.partitions-1 {
			t.Errorf("copies restored: got %d, want %d", got, s.partitions-1)
		}
		if got := s.db.HGet(t.Context(), last, field).Val(); got != newer {
			t.Errorf("a newer copy: got %q, want it left alone", got)
		}
	})
}
