//! What those cost who only hold connections.

use crate::{client, connect};
use chat_tests::Server;
use tokio::io::AsyncWriteExt;

/// Connections that begin a request and leave it at that.
const HALF_OPEN: usize = 2_000;
/// Bytes of memory that one may cost, in a build without optimizations: several times what it does.
const BYTES_MAX: usize = 64 * 1_024;

#[tokio::test]
async fn requests_that_were_only_begun_cost_little_memory_and_keep_nobody_out() {
    // This process holds as many files as the server, which inherits the limit.
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let server = Server::start_with(&["--head-seconds", "3600"]).await;
    server.get("/misc/ping").await.expect(200);
    let before = server.memory();

    let mut half_open = vec![];
    for _ in 0..HALF_OPEN {
        let mut stream = connect(&server, client(2)).await;
        stream.write_all(b"GET /users/me HTTP/1.1\r\nhost: ch").await.unwrap();
        half_open.push(stream);
    }

    assert_eq!(server.get("/misc/ping").await.text, "pong");
    let each = server.memory().saturating_sub(before) / HALF_OPEN;
    assert!(each <= BYTES_MAX, "{each} bytes for each");
    // All of them are still waited for.
    for stream in &half_open {
        assert!(stream.try_read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    }
}
