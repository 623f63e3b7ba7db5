package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/view"
)

// Operator is what an operator can do to the store; followup.Store implements it.
type Operator interface {
	DeadLetters(ctx context.Context, tenant followup.TenantID, limit, offset int) ([]followup.DeadLetter, int, error)
	DeadLetter(ctx context.Context, id string) (followup.DeadLetter, error)
	WalkDead(ctx context.Context, tenant followup.TenantID, visit func(followup.DeadLetter) error) error
	ReplayDead(ctx context.Context, id string, now time.Time) error
	DropDead(ctx context.Context, id string) error
	Pause(ctx context.Context, tenant followup.TenantID, channel followup.ChannelID, paused bool) error
	Pauses(ctx context.Context, tenant followup.TenantID) ([]followup.ChannelID, error)
}

func (s *admin) deadRoutes(r fiber.Router) {
	r.Get("/dead", s.listDead)
	r.Post("/dead/replay", s.replayAll)
	r.Post("/dead/drop", s.dropAll)
	r.Get("/dead/:id", s.getDead)
	r.Delete("/dead/:id", s.dropDead)
	r.Post("/dead/:id/replay", s.replayDead)
}

func (s *admin) listDead(c *fiber.Ctx) error {
	var problems fault.Problems
	limit, offset := paging(c, &problems)
	of := readOwner(c, &problems)
	if err := problems.Err(); err != nil {
		return err
	}
	if of.assistant != "" {
		letters, err := s.deadLettersOf(c.UserContext(), of)
		if err != nil {
			return err
		}
		page := letters[min(offset, len(letters)):min(offset+limit, len(letters))]
		return c.JSON(view.NewPage(page, len(letters), limit, offset))
	}
	letters, total, err := s.Operator.DeadLetters(c.UserContext(), of.tenant, limit, offset)
	if err != nil {
		return err
	}
	return c.JSON(view.NewPage(letters, total, limit, offset))
}

// owner says whose dead letters are meant: a tenant's, an assistant's, or everybody's.
type owner struct {
	tenant    followup.TenantID
	assistant followup.AssistantID
}

// readOwner reads from the query whose dead letters are meant. It refuses parameters that are
// empty, given twice or not known. Otherwise all dead letters would be taken where few were meant.
func readOwner(c *fiber.Ctx, problems *fault.Problems) owner {
	for name, value := range c.Queries() {
		switch name {
		case "tenant", "assistant":
			switch {
			case len(c.Context().QueryArgs().PeekMulti(name)) > 1: // only one of the values would count
				problems.Add(name, "must be given once")
			case value == "":
				problems.Add(name, "must not be empty")
			}
		case "limit", "offset":
		default:
			problems.Add(strings.Clone(name), "is not known")
		}
	}
	return owner{followup.TenantID(queryID(c, "tenant")), followup.AssistantID(queryID(c, "assistant"))}
}

// walk visits all dead letters of the owner, oldest first, without their events. The store has no
// index by assistant, so walk looks at all of the tenant's.
func (s *admin) walk(ctx context.Context, of owner, visit func(followup.DeadLetter) error) error {
	return s.Operator.WalkDead(ctx, of.tenant, func(l followup.DeadLetter) error {
		if of.assistant != "" && l.Assistant != of.assistant {
			return nil
		}
		return visit(l)
	})
}

// deadLettersOf returns all dead letters of the owner, newest first, without their events.
func (s *admin) deadLettersOf(ctx context.Context, of owner) ([]followup.DeadLetter, error) {
	letters := []followup.DeadLetter{}
	err := s.walk(ctx, of, func(l followup.DeadLetter) error {
		letters = append(letters, l)
		return nil
	})
	slices.Reverse(letters)
	return letters, err
}

// each calls do for all dead letters that the query names and that exist when it begins, oldest
// first. It counts the calls that succeed. Dead letters that somebody else replays or drops
// meanwhile do not count, nor do those that cannot be read. If there are more than there is time
// for, what is done stays done, and the next request has less to do.
func (s *admin) each(c *fiber.Ctx, do func(ctx context.Context, id string) error) (of owner, done int, err error) {
	var problems fault.Problems
	of = readOwner(c, &problems)
	if err := problems.Err(); err != nil {
		return of, 0, err
	}
	err = s.walk(c.UserContext(), of, func(l followup.DeadLetter) error {
		err := do(c.UserContext(), l.ID)
		if errors.Is(err, followup.ErrNotFound) || errors.Is(err, followup.ErrUnreadable) {
			return nil
		}
		if err == nil {
			done++
		}
		return err
	})
	return of, done, err
}

func (s *admin) getDead(c *fiber.Ctx) error {
	letter, err := s.Operator.DeadLetter(c.UserContext(), param(c, "id"))
	if err != nil {
		return deadError(err)
	}
	return c.JSON(showLetter(letter))
}

// shownLetter is a dead letter with its events as an operator reads them: in full words, with raw
// webhooks as text. The stored form has names of one letter and base64.
type shownLetter struct {
	followup.DeadLetter

	Events []shownEvent `json:"events"`
}

type shownEvent struct {
	Channel    followup.ChannelID `json:"channel_id"`
	Account    string             `json:"account_id,omitempty"`
	Entry      json.RawMessage    `json:"entry,omitempty"`
	Field      string             `json:"field,omitempty"`
	Value      json.RawMessage    `json:"value,omitempty"`
	Raw        string             `json:"raw,omitempty"`
	Narrowed   bool               `json:"raw_narrowed,omitempty"`
	Header     map[string]string  `json:"raw_headers,omitempty"`
	Unreadable string             `json:"unreadable,omitempty"`
}

func showLetter(d followup.DeadLetter) shownLetter {
	shown := shownLetter{DeadLetter: d, Events: make([]shownEvent, 0, len(d.Events))}
	for _, e := range d.Events {
		event := shownEvent{
			Channel: e.Channel, Account: e.Account, Entry: e.Entry, Field: e.Field, Value: e.Value,
			Unreadable: string(e.Unreadable),
		}
		if e.Raw != nil {
			event.Raw, event.Narrowed, event.Header = string(e.Raw.Body), e.Raw.Narrowed, e.Raw.Header
		}
		shown.Events = append(shown.Events, event)
	}
	return shown
}

// replayed is the answer that tells how many dead letters went back to their queues.
type replayed struct {
	Replayed int `json:"replayed"`
}

func (s *admin) replayDead(c *fiber.Ctx) error {
	if err := s.Operator.ReplayDead(c.UserContext(), param(c, "id"), s.Real()); err != nil {
		return deadError(err)
	}
	s.log.Info("dead letter replayed", "id", param(c, "id"))
	s.Replayed()
	return c.JSON(replayed{1})
}

// replayAll replays the oldest first, so that each queue gets its dead letters in the order in
// which they died. One that dies again meanwhile is not replayed twice.
func (s *admin) replayAll(c *fiber.Ctx) error {
	of, n, err := s.each(c, func(ctx context.Context, id string) error { return s.Operator.ReplayDead(ctx, id, s.Real()) })
	if n > 0 {
		s.log.Info("dead letters replayed", "count", n, "tenant", of.tenant, "assistant", of.assistant)
		s.Replayed()
	}
	if err != nil {
		return err
	}
	return c.JSON(replayed{n})
}

// dropped is the answer that tells how many dead letters were dropped.
type dropped struct {
	Dropped int `json:"dropped"`
}

func (s *admin) dropAll(c *fiber.Ctx) error {
	of, n, err := s.each(c, s.Operator.DropDead)
	if n > 0 {
		s.log.Info("dead letters dropped", "count", n, "tenant", of.tenant, "assistant", of.assistant)
	}
	if err != nil {
		return err
	}
	return c.JSON(dropped{n})
}

func (s *admin) dropDead(c *fiber.Ctx) error {
	if err := s.Operator.DropDead(c.UserContext(), param(c, "id")); err != nil {
		return deadError(err)
	}
	s.log.Info("dead letter dropped", "id", param(c, "id"))
	c.Status(http.StatusNoContent)
	return nil
}

func deadError(err error) error {
	switch {
	case errors.Is(err, followup.ErrNotFound):
		return fault.Missing("dead letter")
	case errors.Is(err, followup.ErrUnreadable):
		return fault.New(fault.Unreadable, "the dead letter cannot be read: all that can be done is to drop it")
	}
	return err
}
