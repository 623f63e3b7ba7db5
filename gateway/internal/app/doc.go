// Package app puts the parts together and lets them live: it is the only place
// that knows all of them.
//
// New builds and checks, Start returns once both listeners accept, Stop undoes
// in the reverse order. Each step of Stop is bounded, and the sum of the bounds
// is what an orchestrator must grant before it kills:
//
//	not ready, stop accepting, finish open requests    20 s  a send may wait for its provider
//	stop claiming, finish steps and deliveries         20 s  together
//	close the admin listener's last connections         5 s
//	end the upkeep of Redis and its connections         5 s
//
// What is not finished by then is given back unspent; what was being sent is
// settled by its receipt after the next start. A provider's call that has begun is
// still waited for, and so is Redis to take what came of it: who is killed meanwhile
// loses no more than who would not have waited.
package app
