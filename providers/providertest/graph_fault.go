package providertest

// ScriptFor queues faults for the next sends to one phone or BSUID. They come
// before those of Script.
func (g *Graph) ScriptFor(to string, faults ...Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.scripts[to] = append(g.scripts[to], faults...)
}

// OnSend installs a function that is asked about every valid send after its
// body was read and before it is accepted; nil lets it pass. It may block, and
// call the fake. Faults that were queued come first.
func (g *Graph) OnSend(hook func(GraphSend) *Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hook = hook
}

// fault returns what is to happen to a send.
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
