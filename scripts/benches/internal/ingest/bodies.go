package ingest

import (
	"fmt"

	"wagate/scripts/benches/internal/bench"
)

// webhookPath is where the webhooks are posted.
const webhookPath = "/webhooks/meta/" + bench.AppKey

// The tenant of all webhooks.
const (
	tenantID    = "10000000-0000-4000-8000-000000000001"
	assistantID = "10000000-0000-4000-8000-0000000000a1"
	channelID   = "10000000-0000-4000-8000-0000000000c1"
)

// kind is what a webhook's body holds.
type kind string

// The kinds of bodies.
const (
	texts    kind = "texts"    // one text message
	statuses kind = "statuses" // one status of a message sent before
	batches  kind = "batches"  // batchItems texts of batchLeads leads
)

const (
	batchItems = 100
	batchLeads = 20
	// textBody is the size of a body with one text, in bytes.
	textBody = 1500
)

// items returns how many events a body of the kind holds.
func (k kind) items() int {
	if k == batches {
		return batchItems
	}
	return 1
}

// A change is written as Meta writes it, in Meta's order and with its escapes. What stands in angle
// brackets differs from one change to the next.
const (
	bodyHead  = `{"object":"whatsapp_business_account","entry":[{"id":"` + bench.AccountID + `","changes":[`
	bodyTail  = `]}]}`
	valueHead = `{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":` +
		`"15550100001","phone_number_id":"` + bench.NumberID + `"},"contacts":[{"profile":{"name":"Noor Haddad"},` +
		`"wa_id":"<phone>","user_id":"<user>"}],`
	textForm = valueHead + `"messages":[{"from":"<phone>","from_user_id":"<user>","id":"<id>",` +
		`"timestamp":"<time>","type":"text","text":{"body":"<words>"}}]}}`
	statusForm = valueHead + `"statuses":[{"id":"<id>","status":"<state>","timestamp":"<time>",` +
		`"recipient_id":"<phone>","recipient_user_id":"<user>","biz_opaque_callback_data":"<opaque>",` +
		`"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"utility"}}]}}`
	// said is what leads write, over and over.
	said = `Ol\u00e1, vi o an\u00fancio da mesa de jardim e queria saber se voc\u00eas entregam em Niter\u00f3i ` +
		`at\u00e9 s\u00e1bado \ud83d\ude42 A cadeira que aparece na foto vem junto? `
)

// idPrefix and idSuffix stand around the number of a message in its id. The number has idDigits
// digits.
const (
	idPrefix = "wamid.HBgLMTU1NTAwMDAwMDAVAgASGBYzQ"
	idDigits = 15
	idSuffix = "AA=="
)

// messageID returns the id of the n-th message.
func messageID(n int) string { return fmt.Sprintf("%s%0*d%s", idPrefix, idDigits, n, idSuffix) }

// firstInBatches and firstSent are the first numbers of messages in batches and of sent messages.
// The numbers of single texts begin at zero.
const (
	firstInBatches = 100_000_000_000_000
	firstSent      = 200_000_000_000_000
)

// phone and userID identify a lead.
func phone(lead int) string  { return fmt.Sprintf("1555%07d", lead) }
func userID(lead int) string { return fmt.Sprintf("US.77331122%07d", lead) }

// stride is prime. So steps of stride visit each of n leads once, unless stride divides n.
const stride = 7919

// leadOf returns the lead whose turn it is.
func leadOf(turn, leads int) int { return turn * stride % leads }

// sent is a message that was sent through wagate.
type sent struct {
	Lead   int
	ID     string
	Opaque string // opaque data as the provider got it
}

// states are the statuses of a sent message, in order.
var states = []string{"sent", "delivered", "read"}
