package server

import (
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// Configs keeps the follow-up configurations of tenants; followups.Service implements it.
type Configs interface {
	Create(ctx context.Context, tenant followup.TenantID, body []byte) (followup.Config, error)
	Config(ctx context.Context, tenant followup.TenantID, id string) (followup.Config, error)
	ConfigOf(ctx context.Context, tenant followup.TenantID, assistant string) (followup.Config, error)
	Configs(ctx context.Context, tenant followup.TenantID, asked string) ([]followup.Config, error)
	Update(ctx context.Context, tenant followup.TenantID, id string, body []byte) (followup.Config, error)
	Delete(ctx context.Context, tenant followup.TenantID, id string, finish bool) error
	Ladder(ctx context.Context, tenant followup.TenantID, id, channel string) (followup.LadderView, error)
}

func (s *public) configRoutes(r fiber.Router) {
	r.Post("/followup/configs", s.createConfig)
	r.Get("/followup/configs/assistant/:id", s.configOfAssistant)
	r.Get("/followup/configs/tenant/:id", s.configsOfTenant)
	r.Get("/followup/configs/:id", s.getConfig)
	r.Put("/followup/configs/:id", s.updateConfig)
	r.Delete("/followup/configs/:id", s.deleteConfig)
	r.Get("/followup/configs/:id/ladder", s.getLadder)
}

func (s *public) createConfig(c *fiber.Ctx) error {
	f, err := s.Configs.Create(c.UserContext(), tenantOf(c), body(c))
	if err != nil {
		return err
	}
	return c.Status(http.StatusCreated).JSON(f)
}

func (s *public) getConfig(c *fiber.Ctx) error {
	f, err := s.Configs.Config(c.UserContext(), tenantOf(c), id(c, "id"))
	if err != nil {
		return err
	}
	return c.JSON(f)
}

func (s *public) configOfAssistant(c *fiber.Ctx) error {
	f, err := s.Configs.ConfigOf(c.UserContext(), tenantOf(c), id(c, "id"))
	if err != nil {
		return err
	}
	return c.JSON(f)
}

func (s *public) configsOfTenant(c *fiber.Ctx) error {
	f, err := s.Configs.Configs(c.UserContext(), tenantOf(c), id(c, "id"))
	if err != nil {
		return err
	}
	return c.JSON(f) // a bare array, as the public API has it
}

func (s *public) updateConfig(c *fiber.Ctx) error {
	f, err := s.Configs.Update(c.UserContext(), tenantOf(c), id(c, "id"), body(c))
	if err != nil {
		return err
	}
	return c.JSON(f)
}

func (s *public) deleteConfig(c *fiber.Ctx) error {
	var problems fault.Problems
	pending := c.Query("pending")
	if pending != "" && pending != "finish" {
		problems.Add("pending", "must be finish, or absent")
		return problems.Err()
	}
	err := s.Configs.Delete(c.UserContext(), tenantOf(c), id(c, "id"), pending == "finish")
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (s *public) getLadder(c *fiber.Ctx) error {
	l, err := s.Configs.Ladder(c.UserContext(), tenantOf(c), id(c, "id"), queryID(c, "channel_id"))
	if err != nil {
		return err
	}
	return c.JSON(l)
}
