# The image of wagate: one static binary, no shell, not root.
#
#   docker build -t wagate .
#   docker run --stop-timeout 50 -v ./wagate.yaml:/etc/wagate/wagate.yaml:ro -p 8080:8080 --env-file wagate.env wagate
#
# The user nonroot (65532) must be able to read wagate.yaml. A stop may take up to 50 s, and
# docker kills after 10 s unless --stop-timeout says otherwise.
#
# In wagate.yaml, set listen to "0.0.0.0:8080", or the port is not reachable. The health
# check runs inside the container and needs no more than loopback. For Prometheus to reach
# /metrics, set admin to "0.0.0.0:9090" with an admin_token, and do not publish that port.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
# .git is copied too, so that the binary knows its version and revision.
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=auto -ldflags="-s -w" -o /out/wagate ./gateway \
    && /out/wagate version

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/wagate /usr/local/bin/wagate
ENV WAGATE_CONFIG=/etc/wagate/wagate.yaml \
    WAGATE_LOG_FORMAT=json
EXPOSE 8080
USER nonroot:nonroot
# On SIGTERM wagate finishes what is in flight and gives the rest back.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 CMD ["/usr/local/bin/wagate", "health"]
ENTRYPOINT ["/usr/local/bin/wagate"]
CMD ["serve"]
