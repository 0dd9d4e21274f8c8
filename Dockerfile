# syntax=docker/dockerfile:1

FROM rust:1.95-slim-bookworm AS build
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    cargo build --release --locked --package chat-server && \
    cp target/release/chat-server /chat-server && mkdir /data

# The C library, certificate authorities, a user who is not root, and nothing else, not even a shell.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /chat-server /usr/local/bin/chat-server
COPY --from=build --chown=nonroot:nonroot /data /data
USER nonroot
WORKDIR /data
VOLUME /data
ENV CHAT_ADDR=0.0.0.0:8000 DBPATH=/data/chat.db JWT_KEY=/data/jwt-key.pem MAIL_DIR=/data/mail CHAT_LOG_FORMAT=json
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s CMD ["chat-server", "health"]
ENTRYPOINT ["chat-server"]
