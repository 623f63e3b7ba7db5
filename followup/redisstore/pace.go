package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"wagate/followup"
)

var paceScript = load("pace")

// Pace implements followup.SendStore with the generic cell rate algorithm: slots are one interval
// apart, and a burst may take its slots early.
func (s *Store) Pace(
	ctx context.Context, channel followup.ChannelID, perSecond float64, burst int, longest time.Duration, real time.Time,
) (time.Duration, error) {
	if perSecond <= 0 {
		return 0, nil
	}
	v, err := s.run(ctx, paceScript, []string{paceKey(channel)},
		strconv.FormatFloat(1000/perSecond, 'g', -1, 64), max(burst, 1), longest.Milliseconds(), ms(real), s.newToken(),
		max(longest, followup.LongestPace).Milliseconds())
	if err != nil {
		return 0, fmt.Errorf("pace: %w", err)
	}
	text, _ := v.(string)
	wait, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("pace: %w", errReply)
	}
	return time.Duration(wait * float64(time.Millisecond)), nil
}
