// Package followups is what a tenant's API key can do with follow-ups: keep configs, look at the
// ladders they make, and start, watch and cancel runs. It also plans the run that a change of
// status starts, for package leads. It knows no HTTP. The rules themselves are in package
// followup, without I/O.
//
// Decisions:
//
//   - A ladder is saved under the hash of its content before the run that refers to it is armed.
//     A ladder without a run is harmless; a run without its ladder is not.
//   - An update of a config reads, merges and replaces, and tries again if another writer was
//     faster. Each update therefore advances updated_at: to the store's comparison, two updates
//     in one millisecond would be one.
//   - A start by hand that is valid but can start nothing (the lead has opted out, the config is
//     inactive, there is no config, it has no steps for that channel) is 409 RUN_NOT_STARTED with
//     the field that says why. It conflicts with the present state and is not a wrong request:
//     the same request may succeed tomorrow.
//   - Warnings are advice. They wait briefly for the template lists that they need, for all of
//     them at the same time. If there is no list, or the store cannot be reached, they do not call
//     a template unknown.
//   - Whatever is not the tenant's is not found, malformed ids included.
package followups
