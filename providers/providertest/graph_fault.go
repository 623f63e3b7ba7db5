package providertest

// ScriptFor queues faults for the next sends to one phone or BSUID. They take precedence over those
// of Script.
func (g *Graph) ScriptFor(to string, faults ...Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.scripts[to] = append(g.scripts[to], faults...)
}

// OnSend installs a function that is called for every valid send that has no queued fault, after
// the body was read and before the message is accepted. If it returns nil, the send succeeds. It
// may block, and may call the fake.
func (g *Graph) OnSend(hook func(GraphSend) *Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hook = hook
}

// fault returns the fault for a send.
func (g *Graph) fault(s GraphSend) Fault {
	g.mu.Lock()
	queue := g.scripts[s.To]
	f, ok := next(&queue)
	if ok {
		g.scripts[s.To] = queue
	} else {
		f, ok = next(&g.script)
	}
	hook := g.hook
	g.mu.Unlock()
	if ok || hook == nil {
		return f
	}
	if asked := hook(s); asked != nil {
		return *asked
	}
	return Fault{}
}
