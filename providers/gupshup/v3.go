package gupshup

import (
	"encoding/json"
	"fmt"

	"wagate/providers"
	"wagate/providers/cloudapi"
)

// decodeV3 reads Meta's envelope with Gupshup's additions.
func decodeV3(body []byte, s shape, opt Options) (Inbound, error) {
	batch, err := cloudapi.Decode(body, cloudapi.Options{
		AccountKey: "gs_app_id",
		StatusIDs:  v3StatusIDs,
		QuotedID:   func(member func(string) string) string { return first(member("gs_id"), member("gsId"), member("id")) },
		Classify:   Classify,
		Fields: map[string]providers.Kind{
			"billing-event":    providers.KindAccount,
			"account-event":    providers.KindAccount,
			"system-event":     providers.KindAccount,
			"template-event":   providers.KindUnknown,
			"platform-event":   providers.KindPlatform,
			"user-event":       providers.KindPlatform,
			"preference-event": providers.KindUnknown,
		},
		MetaShape: true,
	})
	if err != nil {
		return Inbound{}, fmt.Errorf("decode v3 callback: %w", ErrShape)
	}
	in := Inbound{Version: V3, AppID: s.GSAppID.String(), Events: batch.Events, Skipped: batch.Skipped}
	if opt.PhoneNumberID != "" {
		for i := range in.Events {
			in.Events[i].Value = readdress(in.Events[i].Value, opt)
		}
	}
	return in, nil
}

// v3StatusIDs finds our id among the three a status may have. id is a WhatsApp
// id in older samples and a UUID of Gupshup's in newer ones, so gs_id leads.
func v3StatusIDs(member func(string) string) (string, []string) {
	ids := []string{member("gs_id"), member("id"), member("meta_msg_id")}
	key := first(ids...)
	var others []string
	for _, id := range ids {
		if id == "" || id == key {
			continue
		}
		if len(others) == 0 || others[0] != id {
			others = append(others, id)
		}
	}
	return key, others
}

// readdress makes a relayed value name the channel by the id under which the
// assistant sends on it, as v2 events do. Values without metadata stay.
func readdress(value json.RawMessage, opt Options) json.RawMessage {
	var v map[string]json.RawMessage
	if !isObject(value) || json.Unmarshal(value, &v) != nil || !isObject(v["metadata"]) {
		return value
	}
	var meta map[string]json.RawMessage
	if json.Unmarshal(v["metadata"], &meta) != nil {
		return value
	}
	meta["phone_number_id"] = encode(opt.PhoneNumberID)
	v["metadata"] = encode(meta)
	return encode(v)
}
