// Package leads is what a tenant's API key and its CRM can do with leads. It is the only place
// where a lead's record is written on somebody's behalf, and where a change of status becomes a
// run. It knows no HTTP; package server passes request bodies to it.
//
// Decisions:
//
//   - One write path. The API and the CRM webhook parse the same fields (fields.go) into the same
//     patch and go through the same optimistic loop (write.go). The record and the run that its
//     status starts are one atomic write of the store (PutLead), so a crash leaves either both or
//     neither.
//   - Writers of one lead inside this process queue up (queue.go) before they compete with other
//     processes by revision. A hundred concurrent triggers therefore cost a hundred writes and
//     not thousands of conflicts. The queue is only an optimisation: without it there are more
//     retries, and nothing else changes.
//   - A write that changes nothing is not made. A lead that is put twice keeps its updated_at,
//     and setting the same status again is not a trigger.
//   - PUT is partial. A key that is absent is left alone. null or "" clears a text. null leaves
//     opted_out and last_inbound_at alone, because no caller may clear them. custom_fields is
//     merged by key: a value replaces, null deletes, and null for the whole object clears it.
//     Replacing the object as a whole was rejected: two systems that each own some fields would
//     erase each other's. A merge of two leads joins their custom fields by key, too
//     (followup.JoinFields).
//   - What GET shows can be put back: read-only members are ignored, and a text that equals the
//     one shown is not checked. If a lead said STOP after the updated_at that is put back, or
//     after the timestamp of a CRM event, the opted_out beside it does not resume the lead.
//   - The API never merges leads: an identity that belongs to another lead is a conflict. The CRM
//     may merge: its event names a person by external_id and phone, and a lead that was created
//     because an unknown contact wrote is that person. Two leads that both have an external_id
//     are two people to the CRM and stay a conflict. So is an event whose external_id leads to a
//     lead that has given it up, if the event's other identities are not that lead's.
//   - A CRM event is first judged against the lead that it would produce, before any lead is
//     created, given an identity or merged, so an event that is stale or refused changes
//     nothing. It is judged again when it is written. One case remains: an event brings an
//     identity, and a newer event overtakes it between the two judgements. The identity is then
//     linked although the event is not written, because the store links before it writes.
//   - The id in a CRM event is taken literally. If it is not a lead of the tenant, or is one that
//     was erased or merged away, the event's lead is not found, whatever identities stand beside
//     the id. Falling back to the identities would write one person's data into another's record
//     as soon as a CRM mixes up its leads.
//   - A phone that was once given to a lead keeps leading to it after the lead's phone was
//     changed: whoever writes from the old number is still this person.
//   - A window is open to the number that wrote. A lead that is given another phone has no open
//     window there until the lead writes from that phone, or a later last_inbound_at comes. If
//     the window was opened from that phone in the first place, it stays open.
//   - Another spelling of the phone on record (followup.CanonicalPhone) changes nothing. The
//     record has the spelling that WhatsApp itself uses, and a CRM that spells the phone
//     otherwise would overwrite it with each of its events.
//   - CRM events may have unknown members, because a CRM's own records have plenty of them. The
//     API refuses unknown members, because there they are typing errors.
package leads
