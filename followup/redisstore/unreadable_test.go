package redisstore

import (
	"strings"
	"testing"
	"time"

	"wagate/followup"
)

// TestI1UnreadableElement: an element of a queue that cannot be read must be handed out as
// unreadable, and must become a dead letter of its own that holds all of it. The events behind it
// must be delivered.
func TestI1UnreadableElement(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		for name, torn := range map[string]func(party) string{
			"overwritten":           func(party) string { return "\x00\xff" },
			"empty":                 func(party) string { return "" },
			"not an element":        func(party) string { return `{}` },
			"a JSON string":         func(party) string { return `"e"` },
			"fields of other types": func(party) string { return `{"t":"1","e":{"c":7}}` },
			"broken off":            func(p party) string { return `{"t":1,"e":{"c":"` + string(p.channel) + `","f":"mess` },
			"nested too deep": func(p party) string {
				return `{"t":1,"e":{"c":"` + string(p.channel) + `","f":"messages","v":` + strings.Repeat("[", manyBrackets) + strings.Repeat("]", manyBrackets) + `}}`
			},
			"broken value": func(p party) string { return `{"t":1,"e":{"c":"` + string(p.channel) + `","f":"messages","v":{]}}` },
		} {
			p := newParty()
			at := epoch
			p.mustSay(t, s, "before", at)
			text := torn(p)
			tag := s.tag(p.lead)
			s.db.RPush(t.Context(), tag.queue(p.lead, p.assistant), text)
			s.db.HIncrBy(t.Context(), tag.relayBacklog(), string(p.assistant), 1)
			p.mustSay(t, s, "behind", at)

			// work does as the relay does: it splits a delivery that holds an unreadable event, and
			// gives up on one that holds only that.
			work := func() (got, letter string) {
				for range 6 {
					at = at.Add(time.Minute)
					for _, d := range claimAll(t, s, at) {
						bad := 0
						for _, e := range d.Events {
							if e.Value == nil {
								bad++
							}
						}
						f := followup.FinishDelivery{Delivery: d, Real: at}
						switch {
						case bad == 0:
							f.Delivered = true
							got += textsIn(d)
						case len(d.Events) > 1:
							f.Split = true
						default:
							f.Dead = "malformed event"
							letter = s.letterID(p.lead, d.ID)
						}
						if err := s.FinishDelivery(t.Context(), f); err != nil {
							t.Fatalf("%s: FinishDelivery: %v", name, err)
						}
					}
				}
				return got, letter
			}
			got, letter := work()
			if got != "before behind " || letter == "" {
				t.Fatalf("%s: got %q delivered and dead letter %q, want both events and a dead letter", name, got, letter)
			}
			d, err := s.DeadLetter(t.Context(), letter)
			if err != nil || len(d.Events) != 1 || string(d.Events[0].Unreadable) != text {
				t.Errorf("%s: got %+v, %v, want the whole element", name, d, err)
			}
			if err := s.ReplayDead(t.Context(), letter, at); err != nil {
				t.Fatalf("%s: ReplayDead: %v", name, err)
			}
			if got, letter = work(); got != "" || letter == "" {
				t.Fatalf("%s, replayed: got %q delivered and dead letter %q, want it dead again", name, got, letter)
			}
		}
	})
}
