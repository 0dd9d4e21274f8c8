//! Paths, queries and bytes that name nothing or are no HTTP.

use crate::routes::{PATCH, POST, PUT};
use crate::scene::Scene;
use chat_core::limits::SEARCH_CHARS_MAX;
use chat_tests::{Answer, end_to_end};
use reqwest::Method;
use serde_json::json;

end_to_end! {
    async fn what_stands_in_a_path_and_names_nothing_is_not_found(server: Server) {
        let scene = Scene::new(&server).await;
        let before = scene.state().await;
        let body = json!({ "content": "changed", "name": "changed", "role": "admin" }).to_string();
        let ids = "0 -1 999999 9007199254740991 9007199254740992 9223372036854775807 99999999999999999999999 1.5 1e0 0x1 \
                   abc null ' * {id} % %25 %zz %00 1%00 %2F 1%2F2 %20 1%20 %ff %EF%BC%91";
        for (method, path) in [
            (Method::GET, "/users/{id}"),
            (Method::GET, "/users/username/{id}"),
            (Method::GET, "/users/user_id/{id}~"),
            (Method::DELETE, "/users/delete_user/{id}"),
            (Method::DELETE, "/users/me/logins/{id}"),
            (Method::GET, "/groups/{id}"),
            (PATCH, "/groups/{id}"),
            (PUT, "/groups/{id}"),
            (Method::DELETE, "/groups/{id}"),
            (POST, "/groups/{id}/join"),
            (POST, "/groups/{id}/leave"),
            (Method::GET, "/groups/{id}/members"),
            (PUT, "/groups/{id}/members/{b}"),
            (PUT, "/groups/{g}/members/{id}"),
            (Method::DELETE, "/groups/{id}/members/{b}"),
            (Method::DELETE, "/groups/{g}/members/{id}"),
            (Method::GET, "/conversations/{id}"),
            (PUT, "/conversations/direct/{id}"),
            (Method::GET, "/conversations/{id}/messages"),
            (POST, "/conversations/{id}/messages"),
            (Method::GET, "/conversations/{id}/events"),
            (Method::GET, "/messages/{id}"),
            (PATCH, "/messages/{id}"),
            (PUT, "/messages/{id}"),
            (Method::DELETE, "/messages/{id}"),
        ] {
            for id in ids.split_whitespace() {
                let path = scene.path(&path.replace("{id}", id));
                let answer = Answer::to(scene.ann.request(method.clone(), &path).body(body.clone())).await;
                // Whom one may not delete is not told apart from whom there is not.
                let unknown_user = answer.status == 403 && path.starts_with("/users/delete_user/");
                assert!(answer.status == 404 || unknown_user, "{method} {path}: {} {}", answer.status, answer.text);
            }
        }
        assert_eq!(scene.state().await, before);
    }

    async fn a_wrong_query_is_refused_by_the_parameters_name(server: Server) {
        let scene = Scene::new(&server).await;
        let limits = ["0", "-1", "101", "1.5", "many", "%00", "4294967297", "99999999999999999999", "%ff", "1%20"];
        let ids = ["0", "-1", "1.5", "abc", "9007199254740992", "99999999999999999999", "%00"];
        let integers = ["1.5", "abc", "99999999999999999999", "%00", "1e3"];
        let too_long = "x".repeat(SEARCH_CHARS_MAX + 1);
        let searches = ["%00", "a%00b", "+", "%20", too_long.as_str()];
        for (path, parameter, wrong) in [
            ("/users", "limit", &limits[..]),
            ("/users", "after", &ids[1..]),
            ("/users", "search", &searches),
            ("/groups", "limit", &limits),
            ("/groups", "before", &integers),
            ("/groups?visibility=public", "limit", &limits),
            ("/groups?visibility=public", "after", &ids[1..]),
            ("/groups?visibility=public", "search", &searches),
            ("/groups", "visibility", &["private", "PUBLIC", "%00"]),
            ("/groups/{g}/members", "limit", &limits),
            ("/groups/{g}/members", "after", &integers),
            ("/conversations", "limit", &limits),
            ("/conversations", "before", &integers),
            ("/conversations/{g}/messages", "limit", &limits),
            ("/conversations/{g}/messages", "before", &ids),
            ("/conversations/{g}/messages", "after", &ids[1..]),
            ("/conversations/{g}/events", "limit", &limits),
            ("/conversations/{g}/events", "after", &["-1", "1.5", "abc", "9007199254740992", "99999999999999999999"]),
        ] {
            for value in wrong {
                let join = if path.contains('?') { '&' } else { '?' };
                let path = scene.path(&format!("{path}{join}{parameter}={value}"));
                let answer = scene.ann.get(&path).await;
                assert_eq!(answer.body["errors"][0]["field"], *parameter, "{path}: {}", answer.text);
                answer.blames(parameter);
            }
        }
    }

    async fn a_page_after_zero_is_the_first(server: Server) {
        let scene = Scene::new(&server).await;
        scene.ann.patch(&scene.path("/groups/{g}"), json!({ "visibility": "public" })).await.expect(200);
        scene.ann.send(scene.group, "again").await;
        for path in [
            "/users?limit=1",
            "/groups?visibility=public",
            "/groups/{g}/members?limit=1",
            "/conversations/{g}/events?limit=1",
        ] {
            let first = scene.bob.get(&scene.path(path)).await.expect(200);
            assert_eq!(scene.bob.get(&scene.path(&format!("{path}&after=0"))).await.expect(200), first, "{path}");
        }
        let oldest = scene.bob.get(&scene.path("/conversations/{g}/messages?limit=1&after=0")).await.expect(200);
        assert_eq!(oldest, json!({ "messages": [scene.message], "next": scene.message["id"] }));
    }

    async fn odd_cursors_and_queries_are_harmless(server: Server) {
        let scene = Scene::new(&server).await;
        for path in ["/conversations?before={n}", "/groups?before={n}", "/groups/{g}/members?after={n}"] {
            for cursor in ["0", "-1", "1", "9007199254740992", "9223372036854775807", "-9223372036854775808"] {
                scene.ann.get(&scene.path(&path.replace("{n}", cursor))).await.expect(200);
            }
        }
        let (longest, long) = (format!("search={}", "ä".repeat(SEARCH_CHARS_MAX)), format!("x={}", "y".repeat(8_000)));
        let queries =
            "& &&=& = limit limit= search= after= unknown=%00 %ff=%ff search=%ff search=%zz limit=5&limit=abc";
        for query in queries.split(' ').chain(["", &longest, &long]) {
            scene.ann.get(&format!("/users?{query}")).await.expect(200);
        }
    }

    async fn a_target_that_is_bent_reaches_no_other_route(server: Server) {
        let ann = server.person("ann").await;
        let targets = "/users/../users/me /./users/me /users/%2e%2e/users/me /misc/../users/me /%2e /users%2Fme /users/me%00 \
                       /users/me%20 /users/me% /users/me%3Flimit=1 /users/%6d%65%2f /users//me //users/me /users/me// \
                       /users\\me /USERS/me /users/me;a=b * /% /%zz";
        for target in targets.split_whitespace() {
            let request = format!(
                "GET {target} HTTP/1.1\r\nhost: chat\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
                ann.token
            );
            let response = server.raw(request.as_bytes()).await;
            let status = response.split(' ').nth(1).unwrap();
            assert!(["400", "404"].contains(&status), "{target}: {response}");
            assert!(!response.contains("created_at"), "{target}: {response}");
        }
        // Letters may be encoded (RFC 3986, section 2.3).
        assert_eq!(ann.get("/users/%6D%65").await.expect(200)["username"], "ann");
    }

    async fn bytes_that_are_no_http_are_refused_and_the_server_goes_on(server: Server) {
        let ann = server.person("ann").await;
        for request in [
            &b"nonsense\r\n\r\n"[..],
            b"GET\r\n\r\n",
            b"GET /users/me HTTP/9.9\r\n\r\n",
            b"GET /users/\xff HTTP/1.1\r\nhost: chat\r\nconnection: close\r\n\r\n",
            b"GET /users/me HTTP/1.1\r\nhost: chat\r\nauthorization: Bearer \xff\r\nconnection: close\r\n\r\n",
            b"GET /users/me HTTP/1.1\r\nhost: chat\r\ncookie: login-token=\xff\r\nconnection: close\r\n\r\n",
            b"GET /users/me HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n",
            b"POST /users/login HTTP/1.1\r\nhost: chat\r\ncontent-length: -1\r\nconnection: close\r\n\r\n",
            b"POST /users/login HTTP/1.1\r\nhost: chat\r\ncontent-length: 99999999999999999999\r\n\r\n",
            b"POST /users/login HTTP/1.1\r\nhost: chat\r\ncontent-length: 9999999999\r\nconnection: close\r\n\r\n",
            b"POST /users/login HTTP/1.1\r\nhost: chat\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\nzz\r\n\r\n",
            b"POST /users/login HTTP/1.1\r\nhost: chat\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\nconnection: close\r\n\r\nzz\r\n\r\n",
        ] {
            let response = server.raw(request).await;
            assert!(response.is_empty() || response.starts_with("HTTP/1.1 4"), "{response}");
        }
        ann.get("/users/me").await.expect(200);
    }
}
