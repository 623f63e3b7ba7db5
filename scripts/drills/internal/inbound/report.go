package inbound

import (
	"context"

	"wagate/scripts/internal/figure"
)

// stories is how many events that went wrong are described one by one at most.
const stories = 20

// account draws up the account and judges it.
func (d *drill) account(ctx context.Context, done blows) error {
	dead, err := d.dead(ctx)
	if err != nil {
		return err
	}
	l := d.ledger
	l.mu.Lock()
	t, wrong := books{events: l.events, sent: l.sent, acked: l.acked, arrivals: l.arrivals, dead: dead}.tally()
	for _, n := range wrong[:min(len(wrong), stories)] {
		d.Printf("%s\n", l.story(n, d.stormed))
	}
	l.mu.Unlock()
	left, err := d.replay(ctx, dead)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"webhooks", int64(d.sizes.webhooks)},
		{"posts", l.posts.Load()},
		{"posts_after_a_failure", l.repeats.Load()},
		{"posts_without_need", l.echoes.Load()},
		{"posts_unanswered", l.unanswered.Load()},
		{"posts_answered_503", l.busy.Load()},
		{"forged_refused", l.forgedRefused.Load()},
		{"forged_acknowledged_and_dropped", l.forgedDropped.Load()},
		{"forged_unanswered", l.forgedUnanswered.Load()},
		{"replies_sent", d.graph.sends.Load()},
		{"events_sent", int64(t.sent)},
		{"events_acknowledged", int64(t.acked)},
		{"events_delivered", int64(t.delivered)},
		{"events_dead", int64(t.dead)},
		{"deliveries_repeated", int64(t.repeated)},
	} {
		d.Figure(f.name, float64(f.value))
	}
	want := d.sizes.blows(d.Cluster)
	d.Judge("wagate_killed", float64(done.wagate), figure.AtLeast(float64(want.wagate)))
	d.Judge("replied_by_gupshup", float64(d.graph.gupshupSends.Load()), figure.AtLeast(1))
	d.Judge("delivered_raw", float64(t.raw), figure.AtLeast(1))
	d.Judge("redis_killed", float64(done.redis), figure.AtLeast(float64(want.redis)))
	if d.Cluster {
		d.Judge("slots_moved", float64(done.slots), figure.AtLeast(float64(want.slots)))
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"lost", t.lost},
		{"doubled", t.doubled},
		{"reordered", t.reordered},
		{"forged_let_in", t.admitted + int(l.forgedTaken.Load())},
		{"dead_and_not_replayed", left},
		{"never_acknowledged", t.open},
		{"wagate_fell_by_itself", d.fleet.Fell()},
		{"posts_answered_otherwise", int(l.otherAnswers.Load())},
		{"shown_to_another_tenant", t.astray},
		{"shown_though_nobody_sent_it", t.unknown},
		{"deliveries_changed", t.changed},
		{"deliveries_badly_signed", t.unsigned},
	} {
		d.Judge(f.name, float64(f.value), figure.AtMost(0))
	}
	return nil
}
