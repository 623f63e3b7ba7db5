package config

import (
	"fmt"
	"net/url"

	"github.com/goccy/go-yaml"
)

// Dump returns the effective configuration as YAML, with the defaults filled in. Secrets and the
// queries of URLs, which may hold one, are masked.
func (c Config) Dump() ([]byte, error) {
	out, err := yaml.MarshalWithOptions(c, yaml.IndentSequence(true), yaml.CustomMarshaler(func(u url.URL) ([]byte, error) {
		if u.RawQuery != "" {
			u.RawQuery = mask
		}
		return yaml.Marshal(u.String())
	}))
	if err != nil {
		return nil, fmt.Errorf("dump config: %w", err)
	}
	return out, nil
}
