package writer

import (
	"net"
	"net/http"
	"time"
)

// newTransport returns the transport to the model. It uses HTTP/1.1, so that each request has a
// connection of its own while it is in progress, and a request that gets no answer takes only its
// own connection down. Over HTTP/2 all requests would share one connection and fail with it until
// TCP gives it up.
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
