package timers

import (
	"encoding/json"
	"fmt"
	"time"

	"wagate/followup"
)

// text is what leads write.
const text = "Sim, pode ser amanhã às dez. Obrigada!"

// relayed returns the relay event of a text.
func relayed(lead, n int, at time.Time) *followup.RelayEvent {
	return &followup.RelayEvent{
		Channel: channelOf(lead), Account: "102290129340398", Field: "messages",
		Value: json.RawMessage(fmt.Sprintf(`{"messaging_product":"whatsapp","metadata":{"display_phone_number":"551130000000",`+
			`"phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Maria Souza"},"wa_id":%q}],"messages":[{"from":%q,`+
			`"id":"wamid.%020d","timestamp":"%d","type":"text","text":{"body":%q}}]}`, phone(lead), phone(lead), n, at.Unix(), text)),
	}
}
