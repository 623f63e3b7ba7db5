package ingest

import (
	"context"
	"sync"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
)

// tappedStore calls its functions before the store's methods. A function that is nil is not called.
type tappedStore struct {
	*memstore.Store

	resolve func() error
	lead    func(id followup.LeadID) error
	opaque  func() error
	put     func(p followup.PutLead) error
	message func(id string) error
	link    func() error
	settle  func(s followup.Settlement) error
}

// failFirst returns a function that fails with err when it is first called.
func failFirst(err error) func() error {
	var once sync.Once
	return func() (failure error) {
		once.Do(func() { failure = err })
		return failure
	}
}

// beforeSettle returns a tap of Settle that calls do once, before the first settlement.
func beforeSettle(do func()) func(followup.Settlement) error {
	var once sync.Once
	return func(followup.Settlement) error {
		once.Do(do)
		return nil
	}
}

func (s *tappedStore) Resolve(
	ctx context.Context, t followup.TenantID, who followup.Identity, create bool, now time.Time,
) (followup.LeadID, error) {
	if s.resolve != nil {
		if err := s.resolve(); err != nil {
			return "", err
		}
	}
	return s.Store.Resolve(ctx, t, who, create, now)
}

func (s *tappedStore) Lead(ctx context.Context, t followup.TenantID, id followup.LeadID) (followup.Lead, error) {
	if s.lead != nil {
		if err := s.lead(id); err != nil {
			return followup.Lead{}, err
		}
	}
	return s.Store.Lead(ctx, t, id)
}

func (s *tappedStore) Opaque(ctx context.Context, t followup.TenantID, a followup.AttemptID) (string, error) {
	if s.opaque != nil {
		if err := s.opaque(); err != nil {
			return "", err
		}
	}
	return s.Store.Opaque(ctx, t, a)
}

func (s *tappedStore) Message(
	ctx context.Context, t followup.TenantID, id string, park *followup.Parked,
) (followup.MessageRef, error) {
	if s.message != nil {
		if err := s.message(id); err != nil {
			return followup.MessageRef{}, err
		}
	}
	return s.Store.Message(ctx, t, id, park)
}

func (s *tappedStore) PutLead(ctx context.Context, p followup.PutLead) (followup.RunID, error) {
	if s.put != nil {
		if err := s.put(p); err != nil {
			return "", err
		}
	}
	return s.Store.PutLead(ctx, p)
}

func (s *tappedStore) Settle(ctx context.Context, st followup.Settlement) (followup.Settled, error) {
	if s.settle != nil {
		if err := s.settle(st); err != nil {
			return followup.Settled{}, err
		}
	}
	return s.Store.Settle(ctx, st)
}

func (s *tappedStore) LinkMessage(
	ctx context.Context, t followup.TenantID, ref followup.MessageRef,
) ([]followup.Parked, error) {
	if s.link != nil {
		if err := s.link(); err != nil {
			return nil, err
		}
	}
	return s.Store.LinkMessage(ctx, t, ref)
}
