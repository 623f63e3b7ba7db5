package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"wagate/config"
	"wagate/followup"
	"wagate/followup/redisstore"
	"wagate/followup/runner"
	"wagate/followup/writer"
	"wagate/gateway/internal/followups"
	"wagate/gateway/internal/ingest"
	"wagate/gateway/internal/leads"
	"wagate/gateway/internal/outbound"
	"wagate/gateway/internal/relay"
	"wagate/gateway/internal/server"
)

// App is the whole service.
type App struct {
	cfg   config.Config
	log   *slog.Logger
	redis *connection
	store *redisstore.Store
	clock *clock

	registry *prometheus.Registry
	refused  *prometheus.CounterVec
	runner   *runner.Runner
	relay    *relay.Relay
	poll     time.Duration // longest sleep of the relay's poller; 0 for the relay's default
	public   *fiber.App
	admin    *fiber.App

	listeners             struct{ public, admin net.Listener } // nil before Start
	publicAddr, adminAddr string
	draining              atomic.Bool
	keeping               context.CancelFunc // ends the upkeep of Redis; nil before Start
	kept                  chan struct{}      // closed when the upkeep of Redis has ended
	serving               chan error         // what each listener's server returned
}

// New builds the service and checks what can be checked before it starts: it connects to Redis,
// and fails if the data there does not fit the configuration.
func New(ctx context.Context, cfg config.Config, log *slog.Logger) (*App, error) {
	a := &App{cfg: cfg, log: log, registry: prometheus.NewRegistry(), serving: make(chan error, 2), kept: make(chan struct{})}
	if err := a.assemble(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *App) assemble(ctx context.Context) error {
	roster, err := newRoster(a.cfg)
	if err != nil {
		return err
	}
	a.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo(),
	)
	a.refused = newRefused(a.registry)
	steps := followup.NewMetrics(a.registry)
	if a.redis, err = connect(a.cfg); err != nil {
		return err
	}
	if err := a.open(ctx, steps); err != nil {
		return errors.Join(err, a.redis.close())
	}
	if err := a.build(roster, steps); err != nil {
		return errors.Join(err, a.redis.close())
	}
	return nil
}

// open opens the store and sets the clock by it.
func (a *App) open(ctx context.Context, steps *followup.Metrics) error {
	var err error
	a.store, err = redisstore.Open(ctx, redisstore.Params{
		Client: a.redis.client, Partitions: a.cfg.Redis.Partitions, Durability: durability(a.cfg.Redis.Durability),
		MaxBacklog: a.cfg.Relay.MaxBacklog,
		Embedded:   a.redis.embedded, OnEnded: a.ended(steps), Logger: a.log, Registerer: a.registry,
	})
	if err != nil {
		return err
	}
	a.clock = &clock{real: a.store.Real, speed: a.cfg.Clock.Speed}
	if a.clock.speed != 1 {
		a.clock.domain0, a.clock.real0, err = a.store.Anchor(ctx, a.clock.speed, a.clock.Real())
		if err != nil {
			return err
		}
	}
	a.registry.MustRegister(newState(func(ctx context.Context) (followup.Stats, error) {
		return a.store.Stats(ctx, a.clock.Now(), a.clock.Real())
	}, a.log))
	return nil
}

// build makes the other parts and connects them.
func (a *App) build(r *roster, steps *followup.Metrics) error {
	service, templates, err := a.buildWork(r, steps)
	if err != nil {
		return err
	}
	a.buildServers(r, steps, service, templates)
	return nil
}

// buildWork makes the parts that work by themselves: the relay, and the runner with the Service
// that it sends through.
func (a *App) buildWork(r *roster, steps *followup.Metrics) (*outbound.Service, *outbound.Templates, error) {
	var err error
	a.relay, err = relay.New(relay.Params{
		Store: a.store, Endpoints: r.endpoints, Directory: r.directory, Logger: a.log, Metrics: a.registry,
		Real: a.clock.Real, Timeout: a.cfg.Relay.Timeout, AllowPrivate: a.cfg.Relay.AllowPrivate || a.cfg.Sandbox,
		MaxEvents: a.cfg.Relay.MaxEvents, Poll: a.poll,
	})
	if err != nil {
		return nil, nil, err
	}
	within := boundsOf(a.cfg)
	templates := outbound.NewTemplates(outbound.TemplatesParams{
		Accounts: r.templates, Notes: a.store, Real: a.clock.Real, Logger: a.log,
	})
	service := outbound.New(outbound.Params{
		Store: a.store, Lines: r.lines, Now: a.clock.Now, Real: a.clock.Real, CallTimeout: within.send,
		MaxWait: within.wait, Told: a.relay.Wake, Steps: steps, Registry: a.registry, Logger: a.log,
	})
	a.runner = runner.New(runner.Params{
		Store: a.store, Sender: service.ForSteps(), Templates: templates, Directory: r.directory,
		Writer: writer.New(writer.Params{
			BaseURL: a.cfg.AI.BaseURL.String(), APIKey: a.cfg.AI.APIKey.Reveal(), Model: a.cfg.AI.Model,
			Timeout: a.cfg.AI.Timeout, Now: a.clock.Real, Logger: a.log, Registerer: a.registry,
		}),
		Told: a.relay.Wake,
		Now:  a.clock.Now, Real: a.clock.Real, Speed: a.clock.speed, MaxLateness: a.cfg.FollowUp.MaxLateness,
		ClaimLease: within.claimLease, SendLease: within.sendLease,
		Steps: steps, Registry: a.registry, Logger: a.log,
	})
	return service, templates, nil
}

// buildServers makes the parts that answer requests, and the two servers.
func (a *App) buildServers(
	r *roster, steps *followup.Metrics, service *outbound.Service, templates *outbound.Templates,
) {
	follow := followups.New(followups.Params{
		Store: a.store, Directory: r.directory, Templates: templates, Metrics: steps,
		Now: a.clock.Now, Real: a.clock.Real, Armed: a.armed, Told: a.relay.Wake,
	})
	people := leads.New(leads.Params{
		Store: a.store, Planner: follow, Directory: r.directory, CRMSecrets: r.crmSecrets,
		Now: a.clock.Now, Real: a.clock.Real, Armed: a.armed,
	})
	rearm := func(ctx context.Context, t followup.TenantID, lead followup.LeadID, assistants []followup.AssistantID) {
		if err := follow.Rearm(ctx, t, lead, assistants); err != nil {
			a.log.Warn("run not rearmed; the next message of the business rearms it", "component", "app", "err", err)
		}
	}
	words := a.cfg.FollowUp.OptOutWords
	if words == nil {
		words = followup.DefaultOptOutWords()
	}
	in := ingest.New(ingest.Params{
		Store: a.store, Channels: r.channels, Apps: r.apps, MetaBinding: r.metaApps, GupshupBinding: r.gupshupApps,
		History: r.history, Raw: r.raw, OptOutWords: followup.NewOptOutWords(words), Steps: steps, Logger: a.log, Metrics: a.registry,
		Now: a.clock.Now, Real: a.clock.Real, ArrivalTime: a.clock.speed != 1,
		RelayWake: a.relay.Wake, NoteTemplates: r.noteTemplates(a.store, a.clock.Real), Failed: r.failed(service.Complain), Rearm: rearm,
	})
	api := outbound.NewAPI(outbound.APIParams{
		Store: a.store, Service: service, Templates: templates, Directory: r.directory, Rearm: rearm,
		Now: a.clock.Now, Real: a.clock.Real, Logger: a.log,
	})
	a.public = server.Public(server.PublicParams{
		Webhooks: in, CRM: people, Messages: messages{api}, Leads: people, Configs: follow, Runs: follow,
		Keys: server.NewKeyRing(r.keys), Directory: r.directory, RatePerMinute: a.cfg.API.RatePerMinute, TrustedProxies: a.cfg.TrustedProxies,
		Real: a.clock.Real, Registry: a.registry, Logger: a.log,
	})
	a.admin = server.Admin(server.AdminParams{
		Tokens: reveal(a.cfg.AdminTokens), Gatherer: a.registry, Checks: a.checks(), Operator: a.store, Runs: follow,
		Directory: r.directory, Replayed: a.relay.Wake, Real: a.clock.Real, Logger: a.log,
	})
}

// ended returns what the store calls when runs end in a call that does not return them. It counts
// the runs and wakes the relay, which tells their assistants. The relay is built by then: no run
// ends before all parts are built.
func (a *App) ended(steps *followup.Metrics) func([]followup.Ended) {
	return func(runs []followup.Ended) {
		steps.Ended(runs)
		if len(runs) > 0 {
			a.relay.Wake()
		}
	}
}

// armed is called after a run was started. It wakes the runner, which sleeps until the next due
// time, and the relay: the assistant is told of the new run and of one that it ended.
func (a *App) armed() {
	a.runner.Wake()
	a.relay.Wake()
}

// messages adapts the send route to the interface that server declares.
type messages struct{ api *outbound.API }

func (m messages) Send(ctx context.Context, r server.MessagesRequest) server.MessagesAnswer {
	a := m.api.Send(ctx, outbound.Request{
		Tenant: r.Tenant, Number: r.Number, IdempotencyKey: r.IdempotencyKey, Body: r.Body,
	})
	return server.MessagesAnswer{Status: a.Status, Body: a.Body, RetryAfter: a.RetryAfter}
}

// aliveWithin is how long a poller may go without a successful turn and still count as alive.
const aliveWithin = 15 * time.Second

func (a *App) checks() []server.Check {
	alive := func(is func(time.Duration) bool) func(context.Context) error {
		return func(context.Context) error {
			if !is(aliveWithin) {
				return errors.New("no successful turn recently")
			}
			return nil
		}
	}
	return []server.Check{
		{Name: "redis", Probe: a.store.Ping},
		{Name: "steps", Probe: alive(a.runner.Alive)},
		{Name: "relay", Probe: alive(a.relay.Alive)},
		{Name: "draining", Probe: func(context.Context) error {
			if a.draining.Load() {
				return errors.New("stopping")
			}
			return nil
		}},
	}
}

// Start listens and starts the work. It returns once both listeners accept connections.
func (a *App) Start(ctx context.Context) error {
	if a.cfg.Sandbox {
		a.log.Warn("SANDBOX: not for production: private targets are allowed, data may be in memory only",
			"clock_speed", a.cfg.Clock.Speed, "embedded", a.redis.embedded)
	}
	public, err := a.listen(publicListener, a.cfg.Listen, publicConnections)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	admin, err := a.listen(adminListener, a.cfg.Admin, adminConnections)
	if err != nil {
		return errors.Join(fmt.Errorf("listen admin: %w", err), public.Close())
	}
	a.publicAddr, a.adminAddr = public.Addr().String(), admin.Addr().String()
	a.log.Info("listening", "addr", a.publicAddr, "listener", publicListener)
	a.log.Info("listening", "addr", a.adminAddr, "listener", adminListener)

	keep, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.keeping = cancel
	go a.keep(keep)
	a.runner.Start()
	a.relay.Start()
	a.listeners.public, a.listeners.admin = public, admin
	go func() { a.serving <- a.public.Listener(public) }()
	go func() { a.serving <- a.admin.Listener(admin) }()
	return nil
}

// PublicAddr returns the address of the public listener; it is empty before Start.
func (a *App) PublicAddr() string { return a.publicAddr }

// AdminAddr returns the address of the admin listener; it is empty before Start.
func (a *App) AdminAddr() string { return a.adminAddr }

// Now returns domain time, the time of due times and windows.
func (a *App) Now() time.Time { return a.clock.Now() }

// Wait returns nil when ctx is done, or earlier with the error of a listener that failed.
func (a *App) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.serving:
		return err
	}
}
