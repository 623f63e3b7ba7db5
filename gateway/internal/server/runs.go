package server

import (
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/followups"
	"wagate/gateway/internal/view"
)

// Runs starts, shows and cancels follow-up runs; followups.Service implements it.
type Runs interface {
	Runs(ctx context.Context, tenant followup.TenantID, lead string) ([]followups.RunView, error)
	Run(ctx context.Context, tenant followup.TenantID, run string) (followups.RunView, error)
	Start(ctx context.Context, tenant followup.TenantID, body []byte) (followups.RunView, error)
	Cancel(ctx context.Context, tenant followup.TenantID, run string) (followups.RunView, error)
}

func (s *public) runRoutes(r fiber.Router) {
	r.Get("/followup/runs", s.listRuns)
	r.Post("/followup/runs", s.startRun)
	r.Get("/followup/runs/:id", s.getRun)
	r.Post("/followup/runs/:id/cancel", s.cancelRun)
}

func (s *public) listRuns(c *fiber.Ctx) error {
	return answerRuns(c, s.Runs, tenantOf(c), queryID(c, "lead_id"), "lead_id")
}

// answerRuns answers with a page of a lead's runs. field is the parameter that named the lead.
func answerRuns(c *fiber.Ctx, runs Runs, tenant followup.TenantID, lead, field string) error {
	var problems fault.Problems
	limit, offset := paging(c, &problems)
	if lead == "" {
		problems.Absent(field)
	}
	if err := problems.Err(); err != nil {
		return err
	}
	all, err := runs.Runs(c.UserContext(), tenant, lead)
	if err != nil {
		return err
	}
	return c.JSON(view.CutPage(all, limit, offset))
}

func (s *public) startRun(c *fiber.Ctx) error {
	r, err := s.Runs.Start(c.UserContext(), tenantOf(c), body(c))
	if err != nil {
		return err
	}
	return c.Status(http.StatusCreated).JSON(r)
}

func (s *public) getRun(c *fiber.Ctx) error {
	r, err := s.Runs.Run(c.UserContext(), tenantOf(c), id(c, "id"))
	if err != nil {
		return err
	}
	return c.JSON(r)
}

func (s *public) cancelRun(c *fiber.Ctx) error {
	r, err := s.Runs.Cancel(c.UserContext(), tenantOf(c), id(c, "id"))
	if err != nil {
		return err
	}
	return c.JSON(r)
}
