// Package app assembles the service from its parts and runs it. It is the only package that
// knows all of them.
//
// New builds and checks the service, Start returns once both listeners accept, and Stop undoes
// what Start and New did, in reverse order. Each step of Stop is bounded. The sum of the bounds
// is the time that an orchestrator must grant before it kills the process:
//
//	not ready, stop accepting, finish open requests    20 s  a send may wait for its provider
//	stop claiming, finish steps and deliveries         20 s  together
//	close the admin listener's last connections         5 s
//	end the upkeep of Redis and its connections         5 s
//
// Work that is not finished by then is given back unspent. A message that was being sent is
// settled by its receipt after the next start. Stop does outlast its bounds for a provider call
// that has begun, and for Redis to record its result: a process that is killed during that wait
// loses no more than one that did not wait.
package app
