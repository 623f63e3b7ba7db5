package leads

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/nyaruka/phonenumbers"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// The bounds of a text and of a custom field's key. Package followup has those of custom_fields as a
// whole.
const (
	maxText = 200 // characters
	maxKey  = 64  // bytes
)

// field is a member that a caller may set.
type field struct {
	name string
	read func(p *patch, raw json.RawMessage) string // reads it into p; returns what is wrong with it, or ""
	in   func(p *patch) *change[string]             // where p keeps it; nil unless it is a text
}

// writable lists the members that a caller may set, in the order in which their problems are listed.
var writable = []field{
	text("name", func(p *patch) *change[string] { return &p.name }, plain),
	text("phone", func(p *patch) *change[string] { return &p.phone }, phone),
	text("user_id", func(p *patch) *change[string] { return &p.userID }, userID),
	text("external_id", func(p *patch) *change[string] { return &p.externalID }, plain),
	text("email", func(p *patch) *change[string] { return &p.email }, email),
	text("company", func(p *patch) *change[string] { return &p.company }, plain),
	text("status_id", func(p *patch) *change[string] { return &p.statusID }, id),
	text("assistant_id", func(p *patch) *change[string] { return &p.assistant }, id),
	text("channel_id", func(p *patch) *change[string] { return &p.channel }, id),
	{name: "opted_out", read: optedOut},
	{name: "last_inbound_at", read: lastInbound},
}

// readOnly lists the members that GET shows and a caller cannot set.
var readOnly = []string{"id", "tenant_id", "created_at", "updated_at", "windows"}

// parse reads the members of an object into a patch. It notes every problem, with prefix before the
// field's name. If strict is set, an unknown member is a problem.
func parse(members map[string]json.RawMessage, prefix string, strict bool, problems *fault.Problems) patch {
	var p patch
	known := map[string]bool{customFields: true}
	for _, f := range writable {
		known[f.name] = true
		raw, ok := members[f.name]
		if !ok {
			continue
		}
		if problem := f.read(&p, raw); problem != "" {
			problems.Add(prefix+f.name, "%s", problem)
		}
	}
	if raw, ok := members[customFields]; ok {
		p.readCustom(raw, prefix+customFields, problems)
	}
	if !strict {
		return p
	}
	_, _ = fault.Members(members[customFields], prefix+customFields+".", problems) // for its problems; it may be no object
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !known[name] && !slices.Contains(readOnly, name) {
			problems.Add(prefix+name, "is not a known field")
		}
	}
	return p
}

// text returns the field for a text. null and "" clear the text; anything else goes through check,
// which returns the text, possibly normalised, and what is wrong with it.
func text(name string, in func(*patch) *change[string], check func(string) (string, string)) field {
	return field{name: name, in: in, read: func(p *patch, raw json.RawMessage) string {
		var s *string
		if json.Unmarshal(raw, &s) != nil {
			return "must be a string"
		}
		to := in(p)
		to.set = true
		if s == nil {
			return ""
		}
		v := strings.TrimSpace(*s)
		if v == "" {
			return ""
		}
		if utf8.RuneCountInString(v) > maxText {
			return fmt.Sprintf("must have at most %d characters", maxText)
		}
		if strings.ContainsFunc(v, unicode.IsControl) {
			return "must not contain control characters"
		}
		var problem string
		to.value, problem = check(v)
		return problem
	}}
}

func plain(s string) (string, string) { return s, "" }

func userID(s string) (string, string) {
	if strings.ContainsFunc(s, unicode.IsSpace) {
		return "", "must not contain white space"
	}
	return s, ""
}

func email(s string) (string, string) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return "", "is not an e-mail address"
	}
	return s, ""
}

func id(s string) (string, string) {
	u, err := uuid.Parse(s)
	if err != nil || len(s) != len(u.String()) {
		return "", "is not a UUID"
	}
	return u.String(), ""
}

// The lengths of an international number in digits: at most what ITU-T E.164 allows, and at least
// what a country code and a subscriber need.
const (
	leastDigits = 7
	mostDigits  = 15
)

// phone returns the digits of an international number, and what is wrong with it. A number without
// "+" must be plain digits, as WhatsApp itself writes them. A decorated number without "+" is a
// national one: "(11) 91234-5678", read as +1 191…, would be a stranger's.
func phone(s string) (string, string) {
	const problem = "is not an international phone number, such as +5511912345678"
	digits, ok := undecorated(s)
	if !ok {
		return "", problem // also rejects what the library would take for an extension
	}
	fits := len(digits) >= leastDigits && len(digits) <= mostDigits
	if !strings.HasPrefix(s, "+") && (digits != s || !fits) {
		return "", "needs the country code with +, such as +5511912345678"
	}
	if !fits { // in some countries the library takes even such a number for possible
		return "", problem
	}
	if followup.PhoneTwin(digits) != "" { // the number has two spellings, of which the library knows only one
		return digits, ""
	}
	// Without a default region the library requires the plus sign, which WhatsApp leaves out.
	n, err := phonenumbers.Parse("+"+digits, phonenumbers.UNKNOWN_REGION)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return "", problem
	}
	return strings.TrimPrefix(phonenumbers.Format(n, phonenumbers.E164), "+"), ""
}

// undecorated returns the digits of a phone. It returns false if the phone has no digits, or
// contains anything else than digits, a leading "+", and what people write between digits.
func undecorated(s string) (string, bool) {
	digits := strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "").Replace(strings.TrimPrefix(s, "+"))
	return digits, digits != "" && strings.Trim(digits, "0123456789") == ""
}

// optedOut reads opted_out. null leaves the record alone: a caller that does not know whether the
// lead has opted out has not heard the lead take it back.
func optedOut(p *patch, raw json.RawMessage) string {
	var b *bool
	if json.Unmarshal(raw, &b) != nil {
		return "must be true or false"
	}
	if b != nil {
		p.optedOut = change[bool]{set: true, value: *b}
	}
	return ""
}

// lastInbound reads last_inbound_at. null leaves the record alone, because a window never moves
// back.
func lastInbound(p *patch, raw json.RawMessage) string {
	var s *string
	if json.Unmarshal(raw, &s) != nil {
		return "must be a string"
	}
	if s == nil {
		return ""
	}
	at, problem := instant(*s)
	if problem == "" {
		p.lastInbound = change[time.Time]{set: true, value: at}
	}
	return problem
}

// instant reads an RFC 3339 time and truncates it to milliseconds, as the store keeps times.
func instant(s string) (at time.Time, problem string) {
	at, err := time.Parse(time.RFC3339, s)
	switch {
	case err != nil:
		return time.Time{}, "is not a time as in RFC 3339"
	case at.UnixMilli() <= 0: // some write that for no time at all, and the store uses 0 for it
		return time.Time{}, "must be after 1970-01-01T00:00:00Z"
	}
	return at.UTC().Truncate(time.Millisecond), ""
}

// references checks that the assistant and the channel are the tenant's.
func (p patch) references(t followup.Tenant, prefix string, problems *fault.Problems) {
	if a := followup.AssistantID(p.assistant.value); a != "" {
		if _, ok := t.Assistant(a); !ok {
			problems.Add(prefix+"assistant_id", "is not an assistant of this tenant")
		}
	}
	if c := followup.ChannelID(p.channel.value); c != "" {
		if _, ok := t.Channel(c); !ok {
			problems.Add(prefix+"channel_id", "is not a channel of this tenant")
		}
	}
}
