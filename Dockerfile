# The image of wagate: one static binary, no shell, not root.
#
#   docker build -t wagate .
#   docker run --stop-timeout 50 -v ./wagate.yaml:/etc/wagate/wagate.yaml:ro -p 8080:8080 --env-file wagate.env wagate
#
# The file has to be readable by the user nonroot, 65532. A stop takes up to 50 s; after 10 s docker would kill.
#
# In the file: listen "0.0.0.0:8080", or the port is not reachable. The health
# check runs inside and needs no more than loopback; for Prometheus to reach
# /metrics, admin has to be "0.0.0.0:9090", with admin_token and not published.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
# With .git, so that the binary knows its version and revision.
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=auto -ldflags="-s -w" -o /out/wagate ./gateway \
    && /out/wagate version

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/wagate /usr/local/bin/wagate
ENV WAGATE_CONFIG=/etc/wagate/wagate.yaml \
    WAGATE_LOG_FORMAT=json
EXPOSE 8080
USER nonroot:nonroot
# SIGTERM stops gracefully: what is in flight is finished, the rest given back.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 CMD ["/usr/local/bin/wagate", "health"]
ENTRYPOINT ["/usr/local/bin/wagate"]
CMD ["serve"]
