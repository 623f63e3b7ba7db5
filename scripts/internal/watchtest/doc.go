// Package watchtest tests the alert rules and the dashboard. Each expression must parse and must
// ask only for metrics that a freshly started wagate exports. Each alert must fire on series made
// up for it and stay quiet on others. Watchtest is a module of its own, so that Prometheus, whose
// parser and engine it uses, does not become a dependency of wagate.
package watchtest
