package ingest

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"wagate/providers"
	"wagate/providers/meta"
	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/internal/proc"
)

var now = time.Unix(1_790_000_000, 0)

// events decodes requests as wagate does: it checks the length and the signature, and decodes the
// body.
func events(t *testing.T, requests [][]byte) []providers.Event {
	t.Helper()
	var all []providers.Event
	for _, r := range requests {
		head, body, _ := bytes.Cut(r, []byte("\r\n\r\n"))
		header := map[string]string{}
		for line := range strings.Lines(string(head)) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
			header[k] = v
		}
		if header["Content-Length"] != strconv.Itoa(len(body)) {
			t.Errorf("length: got %s, want %d", header["Content-Length"], len(body))
		}
		if !meta.VerifySignature([]string{bench.AppSecret}, header[meta.SignatureHeader], body) {
			t.Errorf("signature: got %s, want one that fits the body", header[meta.SignatureHeader])
		}
		batch, err := meta.Decode(body)
		if err != nil || batch.Skipped > 0 {
			t.Fatalf("decode: got %v and %d skipped, want no error and 0 of\n%s", err, batch.Skipped, body)
		}
		all = append(all, batch.Events...)
	}
	return all
}

// TestTexts: each request must hold one text of the usual size, with its own message id and from
// its own lead.
func TestTexts(t *testing.T) {
	t.Parallel()
	const leads = 40
	m := newMaker(leads, nil, now)
	requests := m.requests(texts, 100, leads, maxBytes)
	got := events(t, requests)
	if len(got) != leads {
		t.Fatalf("got %d events, want %d", len(got), leads)
	}
	ids, who := map[string]bool{}, map[string]bool{}
	for i, e := range got {
		if e.Kind != providers.KindText || e.MessageID != messageID(100+i) || !e.At.Equal(now) || e.Number != bench.NumberID {
			t.Errorf("event %d: got %s %s at %s on %s, want the text that was asked for", i, e.Kind, e.MessageID, e.At, e.Number)
		}
		if !strings.HasPrefix(e.Text, "Olá, vi o anúncio") || !strings.Contains(e.Text, "sábado 🙂 A") || e.Contact.UserID == "" {
			t.Errorf("event %d: got %q of %+v, want the usual words of a contact with a user id", i, e.Text, e.Contact)
		}
		ids[e.ID], who[e.Contact.Phone] = true, true
	}
	if len(ids) != leads || len(who) != leads {
		t.Errorf("got %d messages of %d leads, want %d of each", len(ids), len(who), leads)
	}
	_, body, _ := bytes.Cut(requests[0], []byte("\r\n\r\n"))
	if len(body) != textBody {
		t.Errorf("size: got %d, want %d", len(body), textBody)
	}
}

// TestBatches: each batch must hold the same number of messages of each of its leads. No message id
// may repeat, neither within the batches nor in texts.
func TestBatches(t *testing.T) {
	t.Parallel()
	m := newMaker(4000, nil, now)
	got := events(t, m.requests(batches, 3, 2, maxBytes))
	if len(got) != 2*batchItems {
		t.Fatalf("got %d events, want %d", len(got), 2*batchItems)
	}
	ids, who := map[string]bool{}, map[string]int{}
	for _, e := range got[:batchItems] {
		who[e.Contact.Phone]++
	}
	for _, e := range append(got, events(t, m.requests(texts, 300, 100, maxBytes))...) {
		ids[e.ID] = true
	}
	if len(ids) != 3*batchItems {
		t.Errorf("got %d different messages, want %d", len(ids), 3*batchItems)
	}
	if len(who) != batchLeads {
		t.Errorf("got %d leads in a batch, want %d", len(who), batchLeads)
	}
	for phone, n := range who {
		if n != batchItems/batchLeads {
			t.Errorf("lead %s: got %d messages, want %d", phone, n, batchItems/batchLeads)
		}
	}
}

// TestStatuses: a maker must send each message's statuses in order, from where it was asked to
// begin, and end when there are no more.
func TestStatuses(t *testing.T) {
	t.Parallel()
	list := []sent{{Lead: 1, ID: "wamid.A", Opaque: "wg1.3.x"}, {Lead: 2, ID: "wamid.B", Opaque: "wg1.4.y"}}
	m := newMaker(40, list, now)
	got := events(t, m.requests(statuses, 1, 100, maxBytes))
	want := []providers.Status{
		{MessageID: "wamid.B", State: providers.StatusSent, Opaque: "wg1.4.y"},
		{MessageID: "wamid.A", State: providers.StatusDelivered, Opaque: "wg1.3.x"},
		{MessageID: "wamid.B", State: providers.StatusDelivered, Opaque: "wg1.4.y"},
		{MessageID: "wamid.A", State: providers.StatusRead, Opaque: "wg1.3.x"},
		{MessageID: "wamid.B", State: providers.StatusRead, Opaque: "wg1.4.y"},
	}
	if len(got) != len(want) {
		t.Fatalf("got %d events, want %d", len(got), len(want))
	}
	for i, e := range got {
		s := e.Status
		if s == nil || s.MessageID != want[i].MessageID || s.State != want[i].State || s.Opaque != want[i].Opaque {
			t.Errorf("status %d: got %+v, want %+v", i, s, want[i])
		}
	}
	if n := len(m.requests(statuses, 6, 1, maxBytes)); n != 0 {
		t.Errorf("after the last status: got %d requests, want 0", n)
	}
}

// TestRequestsAreBounded: requests must take no more memory than they may.
func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	if n := len(newMaker(40, nil, now).requests(texts, 0, 1000, 10*textBody)); n < 5 || n > 10 {
		t.Errorf("got %d requests in the room of ten bodies, want 5 to 10", n)
	}
}

// TestAssistantTakes: the assistant must recognise relayed messages by the ids that they came with,
// and time the first arrival of each that it watches.
func TestAssistantTakes(t *testing.T) {
	t.Parallel()
	a := &assistant{seen: map[int]bool{}}
	a.answer(watch{First: 10, Count: 3})
	a.take([]byte(`{"id":"`+messageID(9)+`"},{"id":"`+messageID(11)+`"},{"id":"wamid.other"}`), 1)
	a.take([]byte(`{"id":"`+messageID(12)+`"}`), 2)
	a.take([]byte(`{"id":"`+messageID(11)+`"}`), 3) // a repetition
	got := a.answer(watch{})
	if want := []int64{0, 1, 2}; got.Events != 3 || len(got.At) != 3 || [3]int64(got.At) != [3]int64(want) {
		t.Errorf("got %d events, at %v; want 3, at %v", got.Events, got.At, want)
	}
}

// TestAgree: the counts must agree only if each text was taken once and none was dropped.
func TestAgree(t *testing.T) {
	t.Parallel()
	before := proc.Metrics{`wagate_events_total{kind="text"}`: 10, `wagate_events_duplicate_total{provider="meta"}`: 1}
	for _, c := range []struct {
		name  string
		after proc.Metrics
		ok    bool
	}{
		{"all", proc.Metrics{`wagate_events_total{kind="text"}`: 15, `wagate_events_duplicate_total{provider="meta"}`: 1}, true},
		{"one is missing", proc.Metrics{`wagate_events_total{kind="text"}`: 14, `wagate_events_duplicate_total{provider="meta"}`: 1}, false},
		{"one came twice", proc.Metrics{`wagate_events_total{kind="text"}`: 15, `wagate_events_duplicate_total{provider="meta"}`: 2}, false},
		{
			"one was dropped", proc.Metrics{
				`wagate_events_total{kind="text"}`: 15, `wagate_events_duplicate_total{provider="meta"}`: 1,
				`wagate_events_dropped_total{reason="unbound"}`: 1,
			}, false,
		},
	} {
		if err := agree(before, c.after, 5); (err == nil) != c.ok {
			t.Errorf("%s: got %v, want agreement: %v", c.name, err, c.ok)
		}
	}
}
