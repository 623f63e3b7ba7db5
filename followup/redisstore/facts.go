package redisstore

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"wagate/followup"
)

// runFacts returns the facts of a live run that never change; a zero run if the run is not live.
func (s *Store) runFacts(ctx context.Context, id followup.RunID) (followup.Run, error) {
	if r, ok := s.known.get(id); ok {
		return r, nil
	}
	lead := id.Lead()
	v, err := s.db.HMGet(ctx, s.tag(lead).lead(lead), append(runFields(strconv.Itoa(id.N())), "t")...).Result()
	if err != nil {
		return followup.Run{}, fmt.Errorf("read run: %w", err)
	}
	f := reply(v)
	if f.text(0) == "" {
		return followup.Run{}, nil
	}
	run, _, err := parseRun(lead, id.N(), followup.TenantID(f.text(3)), packedRun{f.text(0), f.text(1), f.text(2)})
	if err != nil {
		return followup.Run{}, err
	}
	s.known.put(run.ID, run)
	return run, nil
}

// packFacts packs the assistant, config, channel and ladder of a run into 64 bytes: three UUIDs and
// the hash of a ladder. Facts in another form are kept as texts; factTexts sees to it that these
// are never 64 bytes long.
func packFacts(a arm) string {
	b := make([]byte, 0, factBytes)
	for _, id := range []string{string(a.Assistant), string(a.Config), string(a.Channel)} {
		u, err := uuid.Parse(id)
		if err != nil || u.String() != id {
			return factTexts(a)
		}
		b = append(b, u[:]...)
	}
	hash, err := hex.DecodeString(string(a.Ladder))
	if err != nil || len(b)+len(hash) != factBytes || hex.EncodeToString(hash) != string(a.Ladder) {
		return factTexts(a)
	}
	return string(append(b, hash...))
}

const factBytes = 64

func factTexts(a arm) string {
	texts := strings.Join([]string{string(a.Assistant), string(a.Config), string(a.Channel), string(a.Ladder)}, "|")
	if len(texts) == factBytes {
		texts += "|"
	}
	return texts
}

// unpackFacts reads what packFacts packed; ok is false if the text holds no facts.
func unpackFacts(packed string) (a arm, ok bool) {
	if len(packed) == factBytes {
		id := func(i int) string { return uuid.UUID([]byte(packed[16*i : 16*i+16])).String() }
		return arm{
			Assistant: followup.AssistantID(id(0)), Config: followup.ConfigID(id(1)), Channel: followup.ChannelID(id(2)),
			Ladder: followup.LadderHash(hex.EncodeToString([]byte(packed[48:]))),
		}, true
	}
	f := strings.Split(packed, "|")
	if len(f) < 4 {
		return arm{}, false
	}
	return arm{
		Assistant: followup.AssistantID(f[0]), Config: followup.ConfigID(f[1]), Channel: followup.ChannelID(f[2]),
		Ladder: followup.LadderHash(f[3]),
	}, true
}
