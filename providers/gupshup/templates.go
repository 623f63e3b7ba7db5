package gupshup

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"wagate/providers"
	"wagate/providers/cloudapi"
)

// Limits of one listing.
const (
	pageSize = 100
	maxPages = 100
)

// Templates lists the templates of the app, and refreshes the list that Send uses.
func (s *Sender) Templates(ctx context.Context) ([]providers.TemplateInfo, error) {
	rows, err := s.templates.refresh(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]providers.TemplateInfo, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.TemplateInfo)
	}
	return out, nil
}

// fetchTemplates reads all pages. Gupshup's documentation contradicts itself about whether pages
// count from 0 or from 1, and whether the page size is honoured. fetchTemplates therefore starts at
// 0 and goes on until a page is empty or has nothing new. An empty page 0, or a page 1 that repeats
// page 0, does not end the listing.
func (s *Sender) fetchTemplates(ctx context.Context) ([]registered, *providers.Error) {
	base := s.p.BaseURL + "/wa/app/" + url.PathEscape(s.p.AppID) + "/template"
	if s.p.V3 {
		base = s.p.PartnerBaseURL + "/partner/app/" + url.PathEscape(s.p.AppID) + "/templates"
	}
	var all []registered
	seen := map[string]bool{}
	for page := range maxPages {
		rows, err := s.fetchPage(ctx, base, page)
		if err != nil {
			if page == 0 && err.Status == http.StatusBadRequest {
				continue // counts from 1 and says so
			}
			return nil, err
		}
		fresh := 0
		for _, row := range rows {
			r, ok := row.describe()
			if !ok || seen[r.ID] {
				continue
			}
			seen[r.ID] = true
			fresh++
			all = append(all, r)
		}
		if len(rows) == 0 && page > 0 || fresh == 0 && page > 1 {
			break
		}
	}
	return all, nil
}

// fetchPage reads one page.
func (s *Sender) fetchPage(ctx context.Context, base string, page int) ([]templateRow, *providers.Error) {
	query := url.Values{"pageNo": {strconv.Itoa(page)}, "pageSize": {strconv.Itoa(pageSize)}}
	r, err := s.call(ctx, http.MethodGet, base+"?"+query.Encode(), "", "")
	if err != nil {
		return nil, notSent(err)
	}
	var a answer
	ok := read(r.Body, &a)
	said := a.err(r)
	// A known cause other than this request, such as a wrong key or a limit.
	known := said.Kind != providers.Invalid && said.Kind != providers.Unknown
	if !r.OK() || a.failed() && known {
		return nil, notSent(said)
	}
	var list struct {
		Templates []json.RawMessage `json:"templates"`
	}
	if !ok || a.failed() || !read(r.Body, &list) {
		e := cloudapi.Classify(0, http.StatusBadGateway)
		e.Status, e.Detail = r.Status, "the list of templates cannot be read"
		return nil, notSent(&e)
	}
	rows := make([]templateRow, 0, len(list.Templates))
	for _, raw := range list.Templates {
		var row templateRow
		if read(raw, &row) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// minRefresh is the shortest time between two listings that Send causes. Gupshup allows ten calls a
// minute, and a listing takes several.
const minRefresh = 30 * time.Second

// failedPause is how long a failed listing is not retried while there is no list at all. Otherwise
// the callers that wait for a list would wait for each other's timeouts in turn.
const failedPause = 5 * time.Second

// registry caches the list of templates. While one caller refreshes the list, callers that need a
// refresh too wait for it; the others use the current list.
type registry struct {
	fetch func(context.Context) ([]registered, *providers.Error)
	ttl   time.Duration
	now   func() time.Time
	busy  chan struct{} // holds one token while nobody fetches

	mu    sync.Mutex
	byKey map[templateKey]registered
	at    time.Time // when the list was fetched; zero: it must be fetched again
	tried time.Time // when a fetch last ended
	err   error     // error of that fetch
}

func newRegistry(fetch func(context.Context) ([]registered, *providers.Error), ttl time.Duration, now func() time.Time) *registry {
	r := &registry{fetch: fetch, ttl: ttl, now: now, busy: make(chan struct{}, 1)}
	r.busy <- struct{}{}
	return r
}

// forget marks the list as outdated. It is still used if it cannot be refreshed.
func (r *registry) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = time.Time{}
}

// lookup finds a template that may be sent. If the list cannot be refreshed, the current one is
// used: the provider decides in the end.
func (r *registry) lookup(ctx context.Context, name, language string) (registered, error) {
	key := templateKey{name, providers.NormalLanguage(language)}
	t, ok, due := r.find(key)
	if due {
		if err := r.refreshOnce(ctx, key); err != nil && !ok {
			return registered{}, err
		}
		t, ok, _ = r.find(key)
	}
	if !ok {
		return registered{}, refuse(providers.TemplateError, codeTemplateMissing,
			"the template does not exist in this language")
	}
	return t, t.sendable()
}

// find looks a template up, and reports whether the list should be fetched again: it is too old, or
// has no usable entry for the key.
func (r *registry) find(key templateKey) (t registered, ok, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	t, ok = r.byKey[key]
	stale := r.at.IsZero() || now.Sub(r.at) >= r.ttl
	unusable := !ok || t.Status != providers.TemplateApproved
	recent := r.byKey != nil && now.Sub(r.tried) < minRefresh
	return t, ok, (stale || unusable) && !recent
}

// refreshOnce refreshes the list, unless another caller did so meanwhile.
func (r *registry) refreshOnce(ctx context.Context, key templateKey) error {
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	if _, _, due := r.find(key); !due {
		return nil
	}
	if err := r.failed(); err != nil {
		return err
	}
	_, err := r.load(ctx)
	return err
}

// failed returns the error of the last listing, if it failed less than failedPause ago.
func (r *registry) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil && r.now().Sub(r.tried) < failedPause {
		return r.err
	}
	return nil
}

// refresh always fetches the list, and returns it.
func (r *registry) refresh(ctx context.Context) ([]registered, error) {
	if err := r.acquire(ctx); err != nil {
		return nil, err
	}
	defer r.release()
	return r.load(ctx)
}

func (r *registry) acquire(ctx context.Context) error {
	select {
	case <-r.busy:
		return nil
	case <-ctx.Done():
		return &providers.Error{Kind: providers.Transient, Retryable: true, Cause: context.Cause(ctx)}
	}
}

func (r *registry) release() { r.busy <- struct{}{} }

// load fetches the list. The caller must hold the token.
func (r *registry) load(ctx context.Context) ([]registered, error) {
	rows, err := r.fetch(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried, r.err = r.now(), nil
	if err != nil {
		r.err = err
		return nil, err
	}
	r.byKey, r.at = index(rows), r.tried
	return rows, nil
}
