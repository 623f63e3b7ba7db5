package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// live lets the world go on after the story until ctx ends, and prints requests for the user to try.
func (w *world) live(ctx context.Context) error {
	phones, err := w.startPhones()
	if err != nil {
		return err
	}
	w.narrator.chapter("Everything keeps running. Try it from another terminal; Ctrl-C ends it")
	for _, r := range w.suggestions("http://" + phones.Addr) {
		w.narrator.print("", "  "+r.what+":", "    "+r.curl())
	}
	w.narrator.print("", "  The API shows times in UTC: "+w.narrator.opening()+".", "")
	<-ctx.Done()
	w.narrator.print("", "  Good-bye.")
	return phones.Close()
}

// request is a request for the user to try.
type request struct {
	what        string
	method, url string
	key, body   string
}

// curl returns the request as a shell command.
func (r request) curl() string {
	words := []string{"curl -s"}
	if r.method == http.MethodPut {
		words = append(words, "-X PUT")
	}
	if r.key != "" {
		words = append(words, "-H 'Authorization: Bearer "+r.key+"'")
	}
	if r.body != "" {
		words = append(words, "-d '"+r.body+"'")
	}
	return strings.Join(append(words, "'"+r.url+"'"), " ")
}

// suggestions returns requests that work if they are made in this order.
func (w *world) suggestions(phones string) []request {
	ana := w.book.people[0]
	lead, public, key := w.book.lead(ana), w.tenant.public, w.tenant.key
	return []request{
		{
			"Ana writes again, so her window opens (bruno and carla can write, too)",
			http.MethodPost, phones + "/ana", "", "Hello, it is me again",
		},
		{
			"You write to her, as the assistant does (within ten seconds; after that her window is closed again)",
			http.MethodPost, public + "/v26.0/" + metaNumber + "/messages", key,
			`{"messaging_product":"whatsapp","to":"` + ana.phone + `","type":"text","text":{"body":"Hello Ana!"}}`,
		},
		{
			"Her status changes, so a new follow-up starts; it takes 15 seconds (change it back, with …0005, for another)",
			http.MethodPut, public + "/backend/leads/" + lead, key, `{"status_id":"` + statusDemoGiven + `"}`,
		},
		{
			"Her follow-up runs with their timelines",
			http.MethodGet, public + "/backend/followup/runs?lead_id=" + lead, key, "",
		},
		{"All leads with their windows", http.MethodGet, public + "/backend/leads", key, ""},
		{"The follow-up configuration", http.MethodGet, public + "/backend/followup/configs/tenant/" + tenantID, key, ""},
		{"The metrics", http.MethodGet, w.tenant.admin + "/metrics", "", ""},
	}
}

// startPhones starts the server of the leads' phones: Ana writes what is posted to /ana.
func (w *world) startPhones() (*http.Server, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start phones: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{name}", func(out http.ResponseWriter, r *http.Request) {
		p := w.book.named(r.PathValue("name"))
		text, err := io.ReadAll(http.MaxBytesReader(out, r.Body, 4096))
		switch {
		case p == nil:
			http.Error(out, "no such lead; there are ana, bruno and carla", http.StatusNotFound)
		case err != nil || strings.TrimSpace(string(text)) == "":
			http.Error(out, "the body must be a text of up to 4096 bytes", http.StatusBadRequest)
		default:
			if err := w.writes(r.Context(), p, string(text)); err != nil {
				http.Error(out, err.Error(), http.StatusBadGateway)
				return
			}
			fmt.Fprintln(out, "wagate has the message")
		}
	})
	s := &http.Server{Addr: l.Addr().String(), Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	w.watchers.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			w.narrator.print("  the phones do not work: " + err.Error())
		}
	})
	return s, nil
}
