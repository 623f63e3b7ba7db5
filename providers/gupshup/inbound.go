package gupshup

import (
	"encoding/json"
	"errors"
	"fmt"

	"wagate/providers"
	"wagate/providers/cloudapi"
)

// ErrShape reports that a callback is in neither of Gupshup's two envelopes.
var ErrShape = errors.New("gupshup: neither a v2 nor a v3 callback")

// The callback versions.
const (
	V2 = 2 // Gupshup's own envelope, one event per POST
	V3 = 3 // Meta's envelope with gs_app_id
)

// Options are facts about the channel that a callback does not contain.
type Options struct {
	// PhoneNumberID becomes metadata.phone_number_id in every relayed event, v2 and v3. It is the
	// id under which the assistant sends on this channel. If it is empty, v3 keeps the id that
	// came.
	PhoneNumberID string
	// DisplayPhone is the business number in digits: the channel's source.
	DisplayPhone string
}

// Inbound is a decoded callback.
type Inbound struct {
	Version int
	// App and AppID are the app that the body names, by name (v2) and by id (v3, and some v2
	// bodies). Either may be empty.
	App, AppID string
	Events     []providers.Event
	// Skipped counts the items that were left out because they could not be read.
	Skipped int
}

// From reports whether the callback is about the given app: it names the app by id or name, and
// everything it names agrees. A callback that names no app belongs to none.
func (in Inbound) From(appID, appName string) bool {
	if in.App == "" && in.AppID == "" {
		return false
	}
	return (in.AppID == "" || in.AppID == appID) && (in.App == "" || in.App == appName)
}

// shape holds the outermost members of both versions.
type shape struct {
	Object  text            `json:"object"`
	Entry   json.RawMessage `json:"entry"`
	GSAppID text            `json:"gs_app_id"`

	App       text            `json:"app"`
	AppID     text            `json:"appId"`
	Phone     text            `json:"phone"`
	Timestamp text            `json:"timestamp"`
	Type      text            `json:"type"`
	Payload   json.RawMessage `json:"payload"`
}

// Decode decodes one callback of either version. Its error is ErrShape, if the body as a whole
// cannot be a callback. A malformed item in a good body is skipped and counted. Decode keeps no
// reference to body.
func Decode(body []byte, opt Options) (Inbound, error) {
	if !isObject(body) || cloudapi.TooDeep(body) {
		return Inbound{}, ErrShape
	}
	var s shape
	if err := json.Unmarshal(body, &s); err != nil {
		// Drop the cause. It may quote the body, which holds personal data.
		return Inbound{}, fmt.Errorf("decode callback: %w", ErrShape)
	}
	switch {
	case len(s.Entry) > 0 || s.Object != "":
		return decodeV3(body, s, opt)
	case s.Type != "" || isObject(s.Payload):
		return decodeV2(body, s, opt), nil
	default:
		return Inbound{}, ErrShape
	}
}
