package server

import (
	"context"
	"net/http"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/leads"
	"wagate/gateway/internal/view"
)

// maxSearch bounds a search, in characters.
const maxSearch = 100

// Leads keeps the leads of tenants; leads.Service implements it.
type Leads interface {
	Create(ctx context.Context, tenant followup.TenantID, body []byte) (leads.View, error)
	Get(ctx context.Context, tenant followup.TenantID, id string) (leads.View, error)
	List(ctx context.Context, tenant followup.TenantID, q leads.Query) (view.Page[leads.View], error)
	Update(ctx context.Context, tenant followup.TenantID, id string, body []byte) (leads.View, error)
	Delete(ctx context.Context, tenant followup.TenantID, id string) error
}

func (s *public) leadRoutes(r fiber.Router) {
	r.Get("/leads", s.listLeads)
	r.Post("/leads", s.createLead)
	r.Get("/leads/:id", s.getLead)
	r.Put("/leads/:id", s.updateLead)
	r.Delete("/leads/:id", s.deleteLead)
}

func (s *public) listLeads(c *fiber.Ctx) error {
	var problems fault.Problems
	limit, offset := paging(c, &problems)
	q := leads.Query{Limit: limit, Offset: offset, Search: query(c, "search"), StatusID: query(c, "status_id")}
	if utf8.RuneCountInString(q.Search) > maxSearch {
		problems.Add("search", "must have at most %d characters", maxSearch)
	}
	q.Check(&problems)
	if err := problems.Err(); err != nil {
		return err
	}
	p, err := s.Leads.List(c.UserContext(), tenantOf(c), q)
	if err != nil {
		return err
	}
	return c.JSON(p)
}

func (s *public) createLead(c *fiber.Ctx) error {
	l, err := s.Leads.Create(c.UserContext(), tenantOf(c), body(c))
	if err != nil {
		return err
	}
	return c.Status(http.StatusCreated).JSON(l)
}

func (s *public) getLead(c *fiber.Ctx) error {
	l, err := s.Leads.Get(c.UserContext(), tenantOf(c), id(c, "id"))
	if err != nil {
		return err
	}
	return c.JSON(l)
}

func (s *public) updateLead(c *fiber.Ctx) error {
	l, err := s.Leads.Update(c.UserContext(), tenantOf(c), id(c, "id"), body(c))
	if err != nil {
		return err
	}
	return c.JSON(l)
}

func (s *public) deleteLead(c *fiber.Ctx) error {
	if err := s.Leads.Delete(c.UserContext(), tenantOf(c), id(c, "id")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
