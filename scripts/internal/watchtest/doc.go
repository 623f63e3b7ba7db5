// Package watchtest proves the alert rules and the dashboard: each expression
// parses, asks only for what a wagate exports that has just started, and each alert
// fires on series made up for it and stays quiet on others. It is a module of its
// own, so that Prometheus, whose parser and engine it uses, is none of wagate's
// dependencies.
package watchtest
