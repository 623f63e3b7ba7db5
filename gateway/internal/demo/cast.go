package demo

import (
	"strings"
	"sync"

	"wagate/config"
)

// The ids and secrets in operator.yaml and followup.json that the code needs.
const (
	tenantID        = "5f0c6a1e-0b1d-4c53-9a52-6d3f1c9f0001"
	tenantKey       = "demo-key"
	assistantSecret = "demo-assistant-secret"
	metaAppSecret   = "demo-app-secret"
	verifyToken     = "demo-verify-token"
	graphToken      = "demo-graph-token"
	gupshupKey      = "demo-gupshup-key"
	callbackToken   = "demo-callback-token"

	metaNumber    = "400000000000001"
	metaAccount   = "300000000000001"
	gupshupNumber = "15550100002"

	metaChannel    = "5f0c6a1e-0b1d-4c53-9a52-6d3f1c9f0003"
	gupshupChannel = "5f0c6a1e-0b1d-4c53-9a52-6d3f1c9f0004"

	statusQuoteSent = "5f0c6a1e-0b1d-4c53-9a52-6d3f1c9f0005"
	statusDemoGiven = "5f0c6a1e-0b1d-4c53-9a52-6d3f1c9f0006"
)

// The approved template: its name, and its English text.
const (
	templateName = "reengagement_v1"
	templateText = "Hi {{1}}, this is {{2}}. Your quote is still waiting for you. Shall we talk about it?"
)

// person is a lead, with everything that is said by and to that lead. The phone numbers are
// invented.
type person struct {
	name  string
	phone string
	via   config.Provider

	opening string   // the person's first message
	answer  string   // the assistant's answer to it
	nudges  []string // the texts that the model writes
	reply   string   // the person's reply while the model is writing; empty if the person stays silent
	thanks  string   // the assistant's answer to the reply
}

// first returns the person's first name.
func (p *person) first() string {
	name, _, _ := strings.Cut(p.name, " ")
	return name
}

// channel returns the id of the person's channel.
func (p *person) channel() string {
	if p.via == config.ProviderGupshup {
		return gupshupChannel
	}
	return metaChannel
}

// provider returns the display name of the person's provider.
func (p *person) provider() string { return providerName(p.via) }

func providerName(p config.Provider) string {
	if p == config.ProviderGupshup {
		return "Gupshup"
	}
	return "Meta"
}

// newCast returns the leads of the story.
func newCast() []*person {
	return []*person{
		{
			name: "Ana Prado", phone: "12025550101", via: config.ProviderMeta,
			opening: "Hello! How much is a booking page for a small clinic?",
			answer:  "Hello Ana! 29 a month, all included. I have just sent you a quote.",
			nudges: []string{
				"Hi Ana, is anything in the quote unclear? I am glad to help.",
				"Ana, with your own page patients book by themselves, even at night. Would a short demo suit you?",
			},
		},
		{
			name: "Bruno Reis", phone: "12025550102", via: config.ProviderGupshup,
			opening: "Good morning, can I get a booking page for my barber shop?",
			answer:  "Good morning Bruno! Of course. I have just sent you a quote.",
			nudges: []string{
				"Hi Bruno, did the quote reach you? Ask me whatever you like.",
				"Bruno, a full calendar without phone calls: shall I show you how that looks in a short demo?",
			},
		},
		{
			name: "Carla Dias", phone: "12025550103", via: config.ProviderMeta,
			opening: "Hi, do you make booking pages for yoga studios too?",
			answer:  "Hi Carla! We do. I have just sent you a quote.",
			nudges:  []string{"Hi Carla, may I help you with the quote?"},
			reply:   "We have talked about it: yes, we take it!",
			thanks:  "Wonderful, Carla! I will prepare everything.",
		},
	}
}

// book finds the people by phone, by name and by lead id.
type book struct {
	people []*person

	mu     sync.Mutex
	byLead map[string]*person
	leads  map[*person]string
}

func newBook(people []*person) *book {
	return &book{people: people, byLead: map[string]*person{}, leads: map[*person]string{}}
}

// phone returns the person with that phone, or nil.
func (b *book) phone(phone string) *person {
	for _, p := range b.people {
		if p.phone == strings.TrimPrefix(phone, "+") {
			return p
		}
	}
	return nil
}

// named returns the person with that first name, in whatever case, or nil.
func (b *book) named(name string) *person {
	for _, p := range b.people {
		if strings.EqualFold(p.first(), name) {
			return p
		}
	}
	return nil
}

// link records the id of a person's lead.
func (b *book) link(p *person, lead string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byLead[lead], b.leads[p] = p, lead
}

// lead returns the id of a person's lead; "" until it is known.
func (b *book) lead(p *person) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.leads[p]
}

// who returns the person whose lead has that id, or nil.
func (b *book) who(lead string) *person {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.byLead[lead]
}

// masked returns a phone number with all but its last four digits hidden.
func masked(phone string) string {
	if len(phone) <= 4 {
		return "+…"
	}
	return "+…" + phone[len(phone)-4:]
}
