package redisstore

import (
	"cmp"
	"context"
	"fmt"

	"wagate/followup"
)

// holders is what resolve.lua has to know about phones that came with a user id.
type holders struct {
	Pairs [][2]string `json:"pairs"` // names in the alias map: phone, user id
	// Judged holds, for each pair, the lead that its phone led to when the pair was judged, or "".
	// Given holds, by a phone's name, the lead that has given the phone up.
	Judged []followup.LeadID          `json:"judged"`
	Given  map[string]followup.LeadID `json:"given"`
	Sole   bool                       `json:"sole"` // if true there are no pairs

	is []pair
}

// pair is a phone and a user id that came together.
type pair struct {
	phone, user string
	had         bool // the pair from before the change that a notice tells of
}

func newHolders(who followup.Identity) *holders {
	h := &holders{Pairs: [][2]string{}, Judged: []followup.LeadID{}, Given: map[string]followup.LeadID{}, Sole: who.Sole}
	if who.Sole {
		return h
	}
	for _, p := range [...]pair{{who.Phone, who.UserID, false}, {who.OldPhone, who.OldUserID, true}} {
		names := aliasNames(followup.Identity{Phone: p.phone, UserID: p.user})
		if p.had && p.user == "" && who.Lead != "" && len(names) == 1 {
			names = append(names, "") // stands for the user id of the lead that is known
		}
		if len(names) == 2 {
			h.Pairs, h.Judged, h.is = append(h.Pairs, [2]string{names[0], names[1]}), append(h.Judged, ""), append(h.is, p)
		}
	}
	return h
}

// judge reads the record of the lead about which resolve.lua is in doubt, and decides whether the
// phone is still that lead's. It notes the verdict in h and returns who, without the phone if the
// phone says nothing about the contact. named is the lead that is known to be meant, or "". If the
// lead in doubt was merged or erased, a later step finds that out.
func (s *Store) judge(
	ctx context.Context, h *holders, doubt reply, named followup.LeadID, who followup.Identity,
) (followup.Identity, error) {
	i, holder := int(doubt.int(1))-1, followup.LeadID(doubt.text(2))
	h.Judged[i] = holder
	is, moved, err := s.identities(ctx, holder)
	if err != nil || moved {
		return who, err
	}
	var other *followup.Lead
	if id := cmp.Or(named, followup.LeadID(doubt.text(3))); id != "" {
		l, _, err := s.identities(ctx, id)
		if err != nil {
			return who, err
		}
		other = &l
	}
	p := h.is[i]
	switch followup.HoldOf(p.phone, p.user, is, other, p.had || named != "") {
	case followup.HeldBySame:
	case followup.GivenUp:
		h.Given[h.Pairs[i][0]] = holder
		s.aliases.forget(holder)
	case followup.HeldByAnother:
		if p.had {
			who.OldPhone = ""
		} else {
			who.Phone = ""
		}
	}
	return who, nil
}

// identities reads a lead's phone and user id, and whether the lead was merged or erased.
func (s *Store) identities(ctx context.Context, id followup.LeadID) (l followup.Lead, moved bool, err error) {
	v, err := s.db.HMGet(ctx, s.tag(id).lead(id), "ph", "ui", "mv").Result()
	if err != nil {
		return l, false, fmt.Errorf("read identities: %w", err)
	}
	r := reply(v)
	l.Phone, l.UserID = r.text(0), r.text(1)
	return l, r.text(2) != "", nil
}
