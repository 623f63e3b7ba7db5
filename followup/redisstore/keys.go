package redisstore

import (
	"hash/fnv"
	"strconv"

	"wagate/followup"
)

// Keys are built here and nowhere else. Everything of one lead has its partition's hash tag, so one
// script settles the lead in one slot.

// partition returns a lead's partition.
func (s *Store) partition(lead followup.LeadID) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(lead))
	return int(h.Sum32() % uint32(s.partitions)) //nolint:gosec // partitions is 1..1024
}

// tag is the prefix of a partition's keys with its hash tag: "{p7}:".
type tag string

func tagOf(p int) tag { return tag("{p" + strconv.Itoa(p) + "}:") }

func (s *Store) tag(lead followup.LeadID) tag { return tagOf(s.partition(lead)) }

func (t tag) lead(l followup.LeadID) string     { return string(t) + "l:" + string(l) }
func (t tag) dedup(l followup.LeadID) string    { return string(t) + "d:" + string(l) }
func (t tag) runs(l followup.LeadID) string     { return string(t) + "e:" + string(l) }
func (t tag) attempts(l followup.LeadID) string { return string(t) + "a:" + string(l) }
func (t tag) history(l followup.LeadID, c followup.ChannelID) string {
	return string(t) + "h:" + string(l) + ":" + string(c)
}

// The relay queue of a lead and an assistant: its events, and its frozen delivery.
func (t tag) queue(l followup.LeadID, a followup.AssistantID) string {
	return string(t) + "q:" + string(l) + ":" + string(a)
}

func (t tag) frozen(l followup.LeadID, a followup.AssistantID) string {
	return string(t) + "f:" + string(l) + ":" + string(a)
}

// The due indexes: members by score per group, and groups by their first member.
func (t tag) stepsDue(tenant followup.TenantID) string { return string(t) + "sg:" + string(tenant) }
func (t tag) stepsIndex() string                       { return string(t) + "si" }
func (t tag) stepsLeases() string                      { return string(t) + "sl" }
func (t tag) relayDue(assistant followup.AssistantID) string {
	return string(t) + "rg:" + string(assistant)
}
func (t tag) relayIndex() string   { return string(t) + "ri" }
func (t tag) relayBacklog() string { return string(t) + "rb" }

func (t tag) windows() string     { return string(t) + "w" }
func (t tag) control() string     { return string(t) + "ctl" }
func (t tag) dead() string        { return string(t) + "dead" }
func (t tag) deadLetters() string { return string(t) + "deadh" }
func (t tag) deadOf(tenant followup.TenantID) string {
	return string(t) + "dead:" + string(tenant)
}

// deadCounted holds what each dead letter counts towards what may wait for an assistant.
func (t tag) deadCounted() string { return string(t) + "deadn" }

// deadField is the field of relayBacklog with the sum of one tenant's dead letters for the
// assistant. Letters of a tenant who had the assistant's id before count for that tenant alone.
func deadField(t followup.TenantID, a followup.AssistantID) string {
	return "d:" + string(a) + ":" + string(t)
}

// answered holds the request that removed a dead letter, to answer its repetition.
func (t tag) answered(id string) string { return string(t) + "did:" + id }

// tenantTag is the prefix of the keys in a tenant's own slot.
func tenantTag(t followup.TenantID) string { return "{t:" + string(t) + "}:" }

func aliasesKey(t followup.TenantID) string         { return tenantTag(t) + "alias" }
func leadsKey(t followup.TenantID) string           { return tenantTag(t) + "leads" }
func configsKey(t followup.TenantID) string         { return tenantTag(t) + "cfg" }
func configAssistantKey(t followup.TenantID) string { return tenantTag(t) + "cfga" }
func laddersKey(t followup.TenantID) string         { return tenantTag(t) + "lad" }
func controlMasterKey(t followup.TenantID) string   { return tenantTag(t) + "ctl" }
func idempotencyKey(t followup.TenantID, key string) string {
	return "{i:" + string(t) + ":" + digest(key) + "}"
}

func messageKey(t followup.TenantID, id string) string {
	return "{m:" + string(t) + ":" + id + "}"
}

func parkedKey(t followup.TenantID, id string) string { return messageKey(t, id) + ":parked" }

// Notes of what was said about an account's templates, and the same ordered by time.
func templatesKey(account string) string      { return "{a:" + digest(account) + "}:tpl" }
func templatesOrderKey(account string) string { return "{a:" + digest(account) + "}:tplz" }

func paceKey(c followup.ChannelID) string { return "{c:" + string(c) + "}:pace" }

// metaKey holds what all programs that share this Redis must agree on: the format, the number of
// partitions, and the clock's anchor.
const metaKey = "wagate:meta"
