package writer

import (
	"net"
	"net/http"
	"time"
)

// newTransport returns what connects to the model. Each request has a connection to itself while
// it is out, and takes it with it if it gets no answer: over HTTP/2 all would share one, and fail
// with it until TCP gives it up.
func newTransport(atOnce int) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		Protocols:           &protocols,
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConns:        atOnce,
		MaxIdleConnsPerHost: atOnce,
		IdleConnTimeout:     90 * time.Second,
	}
}
