// Package followups is what a tenant's API key can do with follow-ups: keep
// configs, look at the ladder they make, start, watch and cancel runs. It also
// plans the run that a change of status starts, for package leads. It knows no
// HTTP; the rules themselves stand in package followup, without I/O.
//
// Decisions:
//
//   - A ladder is saved under its content's hash before the run that refers to
//     it is armed. A ladder nobody refers to is harmless, the reverse is not.
//   - An update of a config reads, merges and replaces, and goes again if
//     somebody else was faster. updated_at therefore never stands still: two
//     updates in one millisecond would be one to the store's comparison.
//   - A start by hand that is in order but can start nothing (opted out,
//     inactive, no config, no steps on that channel) is 409 RUN_NOT_STARTED with
//     the field that says why. It is a conflict with the present state, not a
//     flaw of the request: the same request may succeed tomorrow.
//   - Warnings are advice: they wait briefly for the lists of templates that they need,
//     for all of them at the same time, and say of no template that it is unknown
//     where there is no list, or the store is away.
//   - Whatever is not the tenant's is unknown, malformed ids included.
package followups
