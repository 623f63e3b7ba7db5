// Package leads is what a tenant's API key and its CRM can do with leads: the
// one place where a lead's record is written on somebody's behalf, and where a
// change of status becomes a run. It knows no HTTP; package server carries
// bytes to it.
//
// Decisions:
//
//   - One write path. API and CRM webhook parse the same fields (fields.go) into
//     the same patch and go through the same optimistic loop (write.go). A record
//     and the run its status starts are one atomic write of the store (PutLead),
//     so a crash leaves either both or none.
//   - Writers of one lead inside this process queue up (queue.go) before they
//     compete with other processes by revision. A hundred concurrent triggers
//     therefore cost a hundred writes and not thousands of conflicts. The queue
//     is an optimisation: take it out and only the retries grow.
//   - A write that changes nothing is not made. A lead put twice keeps its
//     updated_at, and the same status again is not a trigger.
//   - PUT is partial. A key that is absent is left alone; null or "" clears a text;
//     null leaves opted_out and last_inbound_at alone, which are nobody's to forget.
//     custom_fields is merged by key: a value replaces, null deletes, and null
//     for the whole object clears it. Replacing the object as a whole was
//     rejected: two systems that each own some fields would erase each other's. So does a merge of
//     two leads join them (followup.JoinFields).
//   - What GET shows can be put back: read-only members are ignored, and a
//     text equal to the one shown is not judged. A lead who said STOP after that updated_at,
//     or after the timestamp of a CRM's event, is not resumed by the opted_out that comes along.
//   - The API never merges leads. An identity that belongs to another lead is a
//     conflict. The CRM may: its event names a person by external_id and phone, and a lead
//     that an unknown contact created by writing is that person. Two leads with
//     an external_id each are two people to the CRM, and stay a conflict; so do a lead whose
//     external_id was taken from him and whoever else comes by that.
//   - A CRM's event is judged by the lead that it would make of whomever it names, before
//     anybody is named, told an identity or merged: one that is stale or refused changes nothing.
//     It is judged again when it is written. What remains is an event that brings an identity
//     and is overtaken by a newer one in between: the store links before it is asked to write.
//   - An id in a CRM's event is believed, not interpreted: one that is not a lead
//     of the tenant (also one that was erased or merged away) is not found,
//     whatever identities stand beside it. Falling back to these would write one
//     person's data into another's record as soon as a CRM mixes up its leads.
//   - A phone once given keeps leading to its lead after it was changed: whoever
//     writes from the old number is still this person.
//   - A window is open to the number that wrote: who is given another has none there until he writes
//     from it, or a later last_inbound_at comes along. One that its owner had opened already stays open.
//   - Another spelling of the phone on record (followup.CanonicalPhone) changes
//     nothing: the record has the one that WhatsApp itself uses, and a CRM that
//     spells it otherwise would take that away with each of its events.
//   - The CRM's events tolerate unknown members, which a CRM's own record has in
//     plenty; the API refuses them, because there they are typing errors.
package leads
