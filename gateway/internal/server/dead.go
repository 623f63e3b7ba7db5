package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/view"
)

// Operator is what an operator can do to the store.
type Operator interface {
	DeadLetters(ctx context.Context, tenant followup.TenantID, limit, offset int) ([]followup.DeadLetter, int, error)
	DeadLetter(ctx context.Context, id string) (followup.DeadLetter, error)
	ReplayDead(ctx context.Context, id string, now time.Time) error
	DropDead(ctx context.Context, id string) error
	Pause(ctx context.Context, tenant followup.TenantID, channel followup.ChannelID, paused bool) error
	Pauses(ctx context.Context, tenant followup.TenantID) ([]followup.ChannelID, error)
}

func (s *admin) deadRoutes(r fiber.Router) {
	r.Get("/dead", s.listDead)
	r.Post("/dead/replay", s.replayAll)
	r.Get("/dead/:id", s.getDead)
	r.Delete("/dead/:id", s.dropDead)
	r.Post("/dead/:id/replay", s.replayDead)
}

func (s *admin) listDead(c *fiber.Ctx) error {
	limit, offset, err := paging(c)
	if err != nil {
		return err
	}
	letters, total, err := s.Operator.DeadLetters(c.UserContext(), followup.TenantID(query(c, "tenant")), limit, offset)
	if err != nil {
		return err
	}
	return c.JSON(view.NewPage(letters, total, limit, offset))
}

func (s *admin) getDead(c *fiber.Ctx) error {
	letter, err := s.Operator.DeadLetter(c.UserContext(), param(c, "id"))
	if err != nil {
		return deadError(err)
	}
	return c.JSON(letter)
}

// replayed tells how many dead letters went back to their queues.
type replayed struct {
	Replayed int `json:"replayed"`
}

func (s *admin) replayDead(c *fiber.Ctx) error {
	if err := s.Operator.ReplayDead(c.UserContext(), param(c, "id"), s.Real()); err != nil {
		return deadError(err)
	}
	s.Replayed()
	return c.JSON(replayed{1})
}

// replayAll replays the dead letters of a tenant, or all, that were there when
// it was asked: oldest first, so that each queue gets its own in the order in
// which they died. One that dies again meanwhile is not replayed twice.
func (s *admin) replayAll(c *fiber.Ctx) error {
	ctx, tenant := c.UserContext(), followup.TenantID(query(c, "tenant"))
	var ids []string
	for {
		letters, total, err := s.Operator.DeadLetters(ctx, tenant, maxLimit, len(ids))
		if err != nil {
			return err
		}
		for _, l := range letters {
			ids = append(ids, l.ID)
		}
		if len(letters) == 0 || len(ids) >= total {
			break
		}
	}
	var done replayed
	for _, id := range slices.Backward(ids) {
		err := s.Operator.ReplayDead(ctx, id, s.Real())
		if errors.Is(err, followup.ErrNotFound) {
			continue // dropped or replayed by somebody else
		}
		if err != nil {
			return err
		}
		done.Replayed++
	}
	s.Replayed()
	return c.JSON(done)
}

func (s *admin) dropDead(c *fiber.Ctx) error {
	if err := s.Operator.DropDead(c.UserContext(), param(c, "id")); err != nil {
		return deadError(err)
	}
	c.Status(http.StatusNoContent)
	return nil
}

func deadError(err error) error {
	if errors.Is(err, followup.ErrNotFound) {
		return fault.Missing("dead letter")
	}
	return err
}
