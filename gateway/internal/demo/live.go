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

// live lets the world go on after the story, for somebody to play with, until
// ctx ends.
func (w *world) live(ctx context.Context) error {
	phones, err := w.startPhones()
	if err != nil {
		return err
	}
	w.narrator.chapter("It all goes on running. Play with it from another terminal; Ctrl-C ends it")
	w.narrator.print("", "  "+strings.Join(w.suggestions("http://"+phones.Addr), "\n  "), "")
	<-ctx.Done()
	w.narrator.print("", "  Good-bye.")
	return phones.Close()
}

// suggestions are requests that work, each with what it does.
func (w *world) suggestions(phones string) []string {
	ana := w.book.people[0]
	lead := w.book.lead(ana)
	curl := func(path string, more ...string) string {
		return "  curl " + strings.Join(append(more, "-H 'Authorization: Bearer "+w.tenant.key+"'", "'"+w.tenant.public+path+"'"), " ")
	}
	return []string{
		"Ana writes again, so her window opens (bruno and carla can, too):",
		"  curl -d 'Hello, it is me again' " + phones + "/ana",
		"her status changes, so a new follow-up starts (it takes a quarter of a minute):",
		curl("/backend/leads/"+lead, "-X PUT", `-d '{"status_id":"`+statusDemoGiven+`"}'`),
		"  (and back, for another one: " + statusQuoteSent + ")",
		"her runs with their timelines; all leads with their windows:",
		curl("/backend/followup/runs?lead_id=" + lead),
		curl("/backend/leads"),
		"a message of yours to her, as the assistant sends one:",
		curl("/v26.0/"+metaNumber+"/messages",
			`-d '{"messaging_product":"whatsapp","to":"`+ana.phone+`","type":"text","text":{"body":"Hello Ana!"}}'`),
		"the follow-up configuration, and the metrics:",
		curl("/backend/followup/configs/tenant/" + tenantID),
		"  curl " + w.tenant.admin + "/metrics",
	}
}

// startPhones serves the leads' phones: what is posted to /ana, Ana writes.
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
			http.Error(out, "nobody of that name: ana, bruno, carla", http.StatusNotFound)
		case err != nil || strings.TrimSpace(string(text)) == "":
			http.Error(out, "say something, up to 4096 bytes", http.StatusBadRequest)
		default:
			if err := w.writes(r.Context(), p, string(text)); err != nil {
				http.Error(out, err.Error(), http.StatusBadGateway)
				return
			}
			fmt.Fprintln(out, "wagate has it")
		}
	})
	s := &http.Server{Addr: l.Addr().String(), Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	w.watchers.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			w.narrator.print("  the phones are off: " + err.Error())
		}
	})
	return s, nil
}
