package server

import (
	"context"
	"slices"

	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/view"
)

// pauseView is the pause of a tenant (channel_id is null) or of one channel.
type pauseView struct {
	TenantID  followup.TenantID   `json:"tenant_id"`
	ChannelID *followup.ChannelID `json:"channel_id"`
	Paused    bool                `json:"paused"`
}

// resumeView is the answer to a resume. It also says what is still paused, because a channel sends
// only while neither it nor its whole tenant is paused.
type resumeView struct {
	pauseView
	TenantPaused   bool `json:"tenant_paused,omitempty"`   // the channel was resumed, and its whole tenant is paused
	ChannelsPaused int  `json:"channels_paused,omitempty"` // the whole tenant was resumed, and so many of its channels are paused
}

func (s *admin) controlRoutes(r fiber.Router) {
	r.Get("/runs", s.listRuns)
	r.Get("/runs/:id", s.getRun)
	r.Get("/pauses", s.listPauses)
	r.Post("/pause", s.pause)
	r.Post("/resume", s.resume)
}

func (s *admin) listRuns(c *fiber.Ctx) error {
	tenant, err := s.tenant(c)
	if err != nil {
		return err
	}
	return answerRuns(c, s.Runs, tenant, queryID(c, "lead"), "lead")
}

func (s *admin) getRun(c *fiber.Ctx) error {
	tenant, err := s.tenant(c)
	if err != nil {
		return err
	}
	r, err := s.Runs.Run(c.UserContext(), tenant, id(c, "id"))
	if err != nil {
		return err
	}
	return c.JSON(r)
}

// tenant returns the tenant that a request is about.
func (s *admin) tenant(c *fiber.Ctx) (followup.TenantID, error) {
	tenant := followup.TenantID(queryID(c, "tenant"))
	if tenant == "" {
		var problems fault.Problems
		problems.Absent("tenant")
		return "", problems.Err()
	}
	if _, ok := s.Directory.Tenant(tenant); !ok {
		return "", fault.Missing("tenant")
	}
	return tenant, nil
}

func (s *admin) listPauses(c *fiber.Ctx) error {
	var problems fault.Problems
	limit, offset := paging(c, &problems)
	if err := problems.Err(); err != nil {
		return err
	}
	tenant, err := s.tenant(c)
	if err != nil {
		return err
	}
	channels, err := s.Operator.Pauses(c.UserContext(), tenant)
	if err != nil {
		return err
	}
	slices.Sort(channels)
	views := make([]pauseView, 0, len(channels))
	for _, channel := range channels {
		views = append(views, viewPause(tenant, channel, true))
	}
	return c.JSON(view.CutPage(views, limit, offset))
}

func (s *admin) pause(c *fiber.Ctx) error {
	tenant, channel, err := s.readPause(c.UserContext(), body(c), true)
	if err != nil {
		return err
	}
	if err := s.setPause(c.UserContext(), tenant, channel, true); err != nil {
		return err
	}
	return c.JSON(viewPause(tenant, channel, true))
}

func (s *admin) resume(c *fiber.Ctx) error {
	tenant, channel, err := s.readPause(c.UserContext(), body(c), false)
	if err != nil {
		return err
	}
	left, err := s.Operator.Pauses(c.UserContext(), tenant) // before the resume: if this fails, nothing has changed
	if err != nil {
		return err
	}
	if err := s.setPause(c.UserContext(), tenant, channel, false); err != nil {
		return err
	}
	v := resumeView{pauseView: viewPause(tenant, channel, false)}
	left = slices.DeleteFunc(left, func(p followup.ChannelID) bool { return p == channel })
	if channel == "" {
		v.ChannelsPaused = len(left)
	} else {
		v.TenantPaused = slices.Contains(left, "")
	}
	return c.JSON(v)
}

func (s *admin) setPause(ctx context.Context, tenant followup.TenantID, channel followup.ChannelID, paused bool) error {
	if err := s.Operator.Pause(ctx, tenant, channel, paused); err != nil {
		return err
	}
	s.log.Info("sending paused or resumed", "tenant", tenant, "channel", channel, "paused", paused)
	return nil
}

// readPause reads which tenant or channel to pause or resume. The strings it returns are not parts
// of the body.
//
// It refuses a channel_id that is given but empty, as from a variable that is not set. Otherwise
// the whole tenant would be paused where one channel was meant.
func (s *admin) readPause(ctx context.Context, body []byte, paused bool) (followup.TenantID, followup.ChannelID, error) {
	var problems fault.Problems
	given, err := fault.Texts(body, &problems, "tenant_id", "channel_id")
	if err != nil {
		return "", "", err
	}
	name, one := given["channel_id"]
	if one && name == "" {
		problems.Add("channel_id", "must not be empty")
	}
	tenant, ok := given["tenant_id"]
	if !ok && !problems.Has("tenant_id") {
		problems.Absent("tenant_id")
	}
	if err := problems.Err(); err != nil {
		return "", "", err
	}
	t, ok := s.Directory.Tenant(followup.TenantID(followup.CanonicalID(tenant)))
	if !ok {
		return "", "", fault.Missing("tenant")
	}
	if !one {
		return t.ID, "", nil
	}
	channel := followup.ChannelID(followup.CanonicalID(name))
	if _, ok := t.Channel(channel); ok {
		return t.ID, channel, nil
	}
	if paused {
		return "", "", fault.Missing("channel")
	}
	left, err := s.Operator.Pauses(ctx, t.ID) // the channel may have been paused before it left the file
	if err != nil {
		return "", "", err
	}
	if !slices.Contains(left, channel) {
		return "", "", fault.Missing("channel")
	}
	return t.ID, channel, nil
}

func viewPause(t followup.TenantID, c followup.ChannelID, paused bool) pauseView {
	v := pauseView{TenantID: t, Paused: paused}
	if c != "" {
		v.ChannelID = &c
	}
	return v
}
