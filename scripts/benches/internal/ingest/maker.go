package ingest

import (
	"strconv"
	"strings"
	"time"

	"wagate/providers/providertest"
	"wagate/scripts/benches/internal/bench"
)

// template is a text with gaps: the text before each gap, and last the text after all of them.
type template struct {
	texts, gaps []string
}

// newTemplate parses a text whose gaps are names in angle brackets.
func newTemplate(text string) template {
	var t template
	for {
		before, rest, found := strings.Cut(text, "<")
		t.texts = append(t.texts, before)
		if !found {
			return t
		}
		gap, behind, _ := strings.Cut(rest, ">")
		t.gaps, text = append(t.gaps, gap), behind
	}
}

// append appends the text to b with its gaps filled.
func (t template) append(b []byte, fill map[string]string) []byte {
	for i, gap := range t.gaps {
		b = append(b, t.texts[i]...)
		b = append(b, fill[gap]...)
	}
	return append(b, t.texts[len(t.gaps)]...)
}

var (
	textTemplate   = newTemplate(textForm)
	statusTemplate = newTemplate(statusForm)
)

// maker makes requests.
type maker struct {
	leads  int
	sent   []sent
	fill   map[string]string
	body   []byte // the body made last
	buffer []byte // all requests of the last call
}

func newMaker(leads int, sent []sent, now time.Time) *maker {
	m := &maker{leads: leads, sent: sent, fill: map[string]string{"time": strconv.FormatInt(now.Unix(), 10)}}
	m.render(texts, 0)
	room := textBody - len(m.body)
	words := strings.Repeat(said, room/len(said)+1)[:room]
	cut := strings.LastIndexByte(words, ' ') // an escape holds no space
	m.fill["words"] = words[:cut] + strings.Repeat("!", room-cut)
	return m
}

// most returns how many bodies of the kind there can be.
func (m *maker) most(k kind) int {
	if k == statuses {
		return len(m.sent) * len(states)
	}
	return firstInBatches / batchItems
}

// requests returns n requests with bodies of a kind, the first of which has body number from. It
// returns fewer if there are no more, or if they would take more than most bytes. The requests are
// valid until the next call.
func (m *maker) requests(k kind, from, n, most int) [][]byte {
	n = min(n, m.most(k)-from)
	head := "POST " + webhookPath + " HTTP/1.1\r\nHost: wagate\r\nUser-Agent: facebookexternalua\r\n" +
		"Content-Type: application/json\r\nX-Hub-Signature-256: "
	m.buffer = m.buffer[:0]
	var ends []int
	for i := 0; i < n && len(m.buffer) < most; i++ {
		m.render(k, from+i)
		m.buffer = append(m.buffer, head...)
		m.buffer = append(m.buffer, providertest.Sign(bench.AppSecret, m.body)...)
		m.buffer = append(m.buffer, "\r\nContent-Length: "...)
		m.buffer = strconv.AppendInt(m.buffer, int64(len(m.body)), 10)
		m.buffer = append(m.buffer, "\r\n\r\n"...)
		m.buffer = append(m.buffer, m.body...)
		ends = append(ends, len(m.buffer))
	}
	list := make([][]byte, len(ends))
	begin := 0
	for i, end := range ends {
		list[i] = m.buffer[begin:end:end]
		begin = end
	}
	return list
}

// render makes the n-th body of a kind.
func (m *maker) render(k kind, n int) {
	m.body = append(m.body[:0], bodyHead...)
	switch k {
	case texts:
		m.text(leadOf(n, m.leads), n)
	case batches:
		for i := range batchItems {
			if i > 0 {
				m.body = append(m.body, ',')
			}
			m.text(leadOf(n*batchLeads+i%batchLeads, m.leads), firstInBatches+n*batchItems+i)
		}
	case statuses:
		// All messages get the status sent before the first gets delivered.
		m.status(m.sent[n%len(m.sent)], states[n/len(m.sent)])
	}
	m.body = append(m.body, bodyTail...)
}

func (m *maker) text(lead, message int) {
	m.fill["phone"], m.fill["user"], m.fill["id"] = phone(lead), userID(lead), messageID(message)
	m.body = textTemplate.append(m.body, m.fill)
}

func (m *maker) status(s sent, state string) {
	m.fill["phone"], m.fill["user"], m.fill["id"] = phone(s.Lead), userID(s.Lead), s.ID
	m.fill["state"], m.fill["opaque"] = state, s.Opaque
	m.body = statusTemplate.append(m.body, m.fill)
}
