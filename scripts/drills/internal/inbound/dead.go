package inbound

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"wagate/scripts/drills/internal/fleet"
)

// pageOfDead is the number of dead letters per page.
const pageOfDead = 100

// dead lists the events in dead letters, as an operator would.
func (d *drill) dead(ctx context.Context) ([]int, error) {
	var events []int
	for offset := 0; ; offset += pageOfDead {
		var page struct {
			Data []struct {
				ID string `json:"id"`
			} `json:"data"`
			Pagination struct {
				HasMore bool `json:"has_more"`
			} `json:"pagination"`
		}
		if err := d.command(ctx, &page, "list", "-limit", strconv.Itoa(pageOfDead), "-offset", strconv.Itoa(offset)); err != nil {
			return nil, err
		}
		for _, letter := range page.Data {
			var whole struct {
				Events []struct {
					Value json.RawMessage `json:"value"`
				} `json:"events"`
			}
			if err := d.command(ctx, &whole, "show", letter.ID); err != nil {
				return nil, err
			}
			for _, e := range whole.Events {
				for _, t := range readValue(e.Value) {
					n, ok := d.ledger.numbers[eventKey(t.id, t.state)]
					if !ok {
						n = strange
					}
					events = append(events, n)
				}
			}
		}
		if !page.Pagination.HasMore {
			return events, nil
		}
	}
}

// replayWithin bounds how long replayed dead letters may take to arrive.
const replayWithin = 3 * time.Minute

// replay replays all dead letters to assistants that reject nothing any more, and returns how many
// of the given events do not arrive.
func (d *drill) replay(ctx context.Context, dead []int) (left int, err error) {
	if len(dead) == 0 {
		return 0, nil
	}
	d.assistants.mild.Store(true)
	var done struct {
		Replayed int `json:"replayed"`
	}
	if err := d.command(ctx, &done, "replay", "-all"); err != nil {
		return 0, err
	}
	count := func() int {
		left = 0
		for _, n := range dead {
			left += one(n != strange && !d.ledger.has(n))
		}
		return left
	}
	_ = fleet.Until(ctx, replayWithin, func() bool { return count() == 0 }) // the count that is left says whether it succeeded
	return count(), nil
}

// command runs "wagate dead …" and decodes its answer.
func (d *drill) command(ctx context.Context, answer any, what string, args ...string) error {
	args = append([]string{"dead", what, "-json", "-admin", "http://" + d.fleet.Replicas[0].Admin()}, args...)
	out, err := exec.CommandContext(ctx, d.Wagate, args...).Output() //nolint:gosec // the binary under test
	if err != nil {
		return fmt.Errorf("wagate dead %s: %w", what, err)
	}
	if err := json.Unmarshal(out, answer); err != nil {
		return fmt.Errorf("wagate dead %s: %w", what, err)
	}
	return nil
}
