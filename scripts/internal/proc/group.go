package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Group is everything that a benchmark or a drill has started.
type Group struct {
	dir string

	mu    sync.Mutex
	stops []func()
}

// New returns a group that has started nothing. Its name becomes part of the name of the directory
// for its files.
func New(name string) (*Group, error) {
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		return nil, fmt.Errorf("temporary directory: %w", err)
	}
	return &Group{dir: dir}, nil
}

// Close stops everything that was started, last in first out, and removes the group's files.
func (g *Group) Close() error {
	g.mu.Lock()
	stops := g.stops
	g.stops = nil
	g.mu.Unlock()
	for _, stop := range slices.Backward(stops) {
		stop()
	}
	return os.RemoveAll(g.dir)
}

// atEnd makes Close call stop.
func (g *Group) atEnd(stop func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stops = append(g.stops, stop)
}

// Path returns the path of a temporary file of this group.
func (g *Group) Path(name string) string { return filepath.Join(g.dir, name) }

// WriteFile writes a temporary file of this group and returns its path.
func (g *Group) WriteFile(name string, data []byte) (path string, err error) {
	path = g.Path(name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return "", fmt.Errorf("temporary file: %w", err)
	}
	return path, nil
}
