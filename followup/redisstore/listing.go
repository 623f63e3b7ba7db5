package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// scanPage is how many rows of the list scanLeads reads in one round trip, unless more leads than
// that were created at the same instant.
const scanPage = 500

// Leads implements followup.LeadStore.
func (s *Store) Leads(
	ctx context.Context, tenant followup.TenantID, f followup.LeadFilter,
) ([]followup.Lead, int, error) {
	if f.Phone != "" {
		return s.leadByPhone(ctx, tenant, f)
	}
	if f.Name == "" && f.StatusID == "" {
		return s.leadsByRank(ctx, tenant, f)
	}
	var found []followup.Lead
	total := 0
	err := s.scanLeads(ctx, tenant, f.Name != "", func(rows []redis.Z) error {
		rows, err := s.inStatus(ctx, rows, f.StatusID)
		if err != nil {
			return err
		}
		if f.Name == "" { // read only the leads that are returned; the others are only counted
			from := min(max(f.Offset-total, 0), len(rows))
			leads, err := s.readLeads(ctx, tenant, rows[from:min(from+f.Limit-len(found), len(rows))])
			found, total = append(found, leads...), total+len(rows)
			return err
		}
		leads, err := s.readLeads(ctx, tenant, rows)
		for _, l := range leads {
			if !matches(l, f) {
				continue
			}
			if total >= f.Offset && len(found) < f.Limit {
				found = append(found, l)
			}
			total++
		}
		return err
	})
	return found, total, err
}

// leadsByRank lists leads by their rank in the whole list. It reads the rows and their number in
// one transaction.
func (s *Store) leadsByRank(ctx context.Context, tenant followup.TenantID, f followup.LeadFilter) ([]followup.Lead, int, error) {
	var total *redis.IntCmd
	var rows *redis.ZSliceCmd
	if _, err := s.db.TxPipelined(ctx, func(p redis.Pipeliner) error {
		total = p.ZCard(ctx, leadsKey(tenant))
		if f.Limit > 0 {
			rows = p.ZRevRangeWithScores(ctx, leadsKey(tenant), int64(f.Offset), int64(f.Offset+f.Limit-1))
		}
		return nil
	}); err != nil {
		return nil, 0, fmt.Errorf("list leads: %w", err)
	}
	if rows == nil {
		return nil, int(total.Val()), nil
	}
	leads, err := s.readLeads(ctx, tenant, rows.Val())
	return leads, int(total.Val()), err
}

// scanLeads calls each with the rows of the list, newest first, a page at a time. If bounded is
// set, it stops after followup.ScanLimit rows. A page begins behind the last row of the page before
// it, not at a rank, because ranks move while leads come and go.
func (s *Store) scanLeads(ctx context.Context, tenant followup.TenantID, bounded bool, each func([]redis.Z) error) error {
	var last *redis.Z
	seen, count := 0, scanPage
	for end := false; !end; {
		from := &redis.ZRangeBy{Min: "-inf", Max: "+inf", Count: int64(count)}
		if last != nil {
			from.Max = strconv.FormatFloat(last.Score, 'f', -1, 64)
		}
		rows, err := s.db.ZRevRangeByScoreWithScores(ctx, leadsKey(tenant), from).Result()
		if err != nil {
			return fmt.Errorf("list leads: %w", err)
		}
		end = len(rows) < count
		if rows = beyond(rows, last); len(rows) == 0 && !end {
			count *= 2 // more leads than a page holds were created at the instant of the last row
			continue
		}
		if left := followup.ScanLimit - seen; bounded && len(rows) >= left {
			rows, end = rows[:left], true
		}
		if len(rows) > 0 {
			seen, count, last = seen+len(rows), scanPage, &rows[len(rows)-1]
			if err := each(rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// beyond returns the rows that come after last. The rows begin at its score.
func beyond(rows []redis.Z, last *redis.Z) []redis.Z {
	if last == nil {
		return rows
	}
	for i, r := range rows {
		if r.Score < last.Score || fmt.Sprint(r.Member) < fmt.Sprint(last.Member) {
			return rows[i:]
		}
	}
	return nil
}

// inStatus returns the rows whose leads are in a status; all rows if the status is empty.
func (s *Store) inStatus(ctx context.Context, rows []redis.Z, status string) ([]redis.Z, error) {
	if status == "" {
		return rows, nil
	}
	cmds := make([]*redis.SliceCmd, len(rows))
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i, row := range rows {
			cmds[i] = p.HMGet(ctx, s.leadAt(row), "st", "mv")
		}
	}); err != nil {
		return nil, fmt.Errorf("list leads: %w", err)
	}
	var in []redis.Z
	for i, row := range rows {
		if v := cmds[i].Val(); v[0] == status && (v[1] == nil || v[1] == "") {
			in = append(in, row)
		}
	}
	return in, nil
}

// matches reports whether a lead fits the filter's name and status.
func matches(l followup.Lead, f followup.LeadFilter) bool {
	if f.StatusID != "" && l.StatusID != f.StatusID {
		return false
	}
	return f.Name == "" || strings.Contains(strings.ToLower(l.Name), strings.ToLower(f.Name))
}

// leadByPhone lists the lead that the filter's phone leads to, if it fits the rest of the filter.
func (s *Store) leadByPhone(
	ctx context.Context, tenant followup.TenantID, f followup.LeadFilter,
) ([]followup.Lead, int, error) {
	id, err := s.Resolve(ctx, tenant, followup.Identity{Phone: f.Phone}, false, f.Now)
	if errors.Is(err, followup.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	l, err := s.Lead(ctx, tenant, id)
	if errors.Is(err, followup.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	f.Phone = ""
	if !matches(l, f) {
		return nil, 0, nil
	}
	if f.Offset > 0 || f.Limit < 1 {
		return nil, 1, nil
	}
	return []followup.Lead{l}, 1, nil
}

// readLeads reads the leads of the list's rows. It leaves out tombstones, as Lead does. A lead that
// is merged or erased stays on the list for a moment, or, if a crash cuts that short, until somebody
// resolves one of its identities.
func (s *Store) readLeads(ctx context.Context, tenant followup.TenantID, rows []redis.Z) ([]followup.Lead, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	cmds := make([]*redis.MapStringStringCmd, len(rows))
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i, row := range rows {
			cmds[i] = p.HGetAll(ctx, s.leadAt(row))
		}
	}); err != nil {
		return nil, fmt.Errorf("list leads: %w", err)
	}
	leads := make([]followup.Lead, 0, len(rows))
	for i, row := range rows {
		fields := cmds[i].Val()
		if fields["mv"] != "" {
			continue
		}
		l, err := parseLead(leadOf(row), fields)
		if err != nil {
			return nil, err
		}
		if fields["cr"] == "" {
			at := fromMS(int64(row.Score))
			l.Tenant, l.CreatedAt, l.UpdatedAt = tenant, at, at
		}
		leads = append(leads, l)
	}
	return leads, nil
}

// leadOf returns the id of a row's lead.
func leadOf(row redis.Z) followup.LeadID { return followup.LeadID(fmt.Sprint(row.Member)) }

// leadAt returns the key of the hash of a row's lead.
func (s *Store) leadAt(row redis.Z) string { return s.tag(leadOf(row)).lead(leadOf(row)) }
