//! The HTTP interface as any program sees it.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::support::TestGateway;

/// Sends a request and returns status code and body.
fn ask(gateway: &TestGateway, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(gateway.data().join("capstan.sock")).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (
        code,
        serde_json::from_str(body).unwrap_or_else(|_| panic!("not JSON: {answer}")),
    )
}

#[test]
fn state_is_answered_as_json() {
    let gateway = TestGateway::start();
    let (code, status) = ask(&gateway, "GET", "/api/v1/status", "");
    assert_eq!(code, 200);
    assert_eq!(status["gateway"], gateway.gateway().name());
    assert_eq!(status["targets"][0]["units"], json!(["changer"]));
    let memory = &status["memory"];
    assert_eq!(memory["reserved_bytes"], 0);
    assert_eq!(memory["max_bytes"], 1 << 30);
    assert_eq!(memory["sessions_waiting"], 0);
    assert_eq!(memory["read_ahead_bytes"], 0);
    assert_eq!(memory["read_ahead_max_bytes"], 128 << 20);
    assert_eq!(memory["write_behind_bytes"], 0);
    assert_eq!(memory["write_behind_max_bytes"], 512 << 20);
    // Other gateways of this process share them.
    assert!(memory["spare_bytes"].as_u64() <= memory["spare_max_bytes"].as_u64());
    assert_eq!(memory["spare_max_bytes"], 16 << 20);
    assert_eq!(
        ask(&gateway, "GET", "/api/v1/sessions", ""),
        (200, json!([]))
    );
    let (_, elements) = ask(&gateway, "GET", "/api/v1/changer/elements", "");
    assert_eq!(elements.as_array().unwrap().len(), 4 + 24 + 4);
    assert_eq!(elements[4]["place"], "slot:1");
    assert_eq!(elements[4]["barcode"], "CAP001L5");
}

#[test]
fn work_is_done_through_posts() {
    let gateway = TestGateway::start();
    let body = r#"{"from": "slot:1", "to": "drive:0"}"#;
    let (code, moved) = ask(&gateway, "POST", "/api/v1/changer/move", body);
    assert_eq!((code, &moved["barcode"]), (200, &json!("CAP001L5")));
    let (code, _) = ask(&gateway, "POST", "/api/v1/drives/0/unload", "{}");
    assert_eq!(code, 200);
    let (code, tapes) = ask(
        &gateway,
        "POST",
        "/api/v1/tapes",
        r#"{"barcodes": ["X1", "X2"]}"#,
    );
    assert_eq!((code, tapes.as_array().unwrap().len()), (200, 2));
    assert_eq!(ask(&gateway, "DELETE", "/api/v1/tapes/X1", "").0, 200);
}

#[test]
fn failures_have_a_code_a_message_and_advice() {
    let gateway = TestGateway::start();
    let elsewhere = r#"{"from": "slot:1", "to": "slot:2"}"#;
    for (method, path, body, code, error) in [
        ("GET", "/api/v1/nothing", "", 404, "not_found"),
        ("PUT", "/api/v1/status", "", 400, "bad_request"),
        ("GET", "/api/v1/tapes/NONE", "", 404, "not_found"),
        (
            "POST",
            "/api/v1/tapes",
            "{\"count\": \"many\"}",
            400,
            "bad_request",
        ),
        (
            "POST",
            "/api/v1/tapes",
            "{\"cuont\": 2}",
            400,
            "bad_request",
        ),
        ("POST", "/api/v1/tapes", "not json", 400, "bad_request"),
        ("POST", "/api/v1/tapes", "{\"count\": 5}", 409, "conflict"),
        (
            "POST",
            "/api/v1/tapes",
            "{\"capacity_bytes\": 0}",
            400,
            "bad_request",
        ),
        ("GET", "/api/v1/sessions/7", "", 404, "not_found"),
        (
            "DELETE",
            "/api/v1/reservations/drive:9",
            "",
            404,
            "not_found",
        ),
        ("DELETE", "/api/v1/reservations/it", "", 400, "bad_request"),
        (
            "DELETE",
            "/api/v1/sessions/7?ask=true",
            "",
            404,
            "not_found",
        ),
        ("DELETE", "/api/v1/sessions/x", "", 400, "bad_request"),
        (
            "DELETE",
            "/api/v1/sessions/7?force=true",
            "",
            400,
            "bad_request",
        ),
        ("POST", "/api/v1/changer/move", elsewhere, 409, "conflict"),
        (
            "POST",
            "/api/v1/drives/zero/load",
            "{\"barcode\": \"X\"}",
            400,
            "bad_request",
        ),
        (
            "POST",
            "/api/v1/drives/7/load",
            "{\"barcode\": \"X\"}",
            404,
            "not_found",
        ),
    ] {
        let (answered, failure) = ask(&gateway, method, path, body);
        assert_eq!(answered, code, "{method} {path} {body}: {failure}");
        assert_eq!(failure["error"], error, "{method} {path} {body}");
        assert!(!failure["message"].as_str().unwrap().is_empty());
    }
    let (_, failure) = ask(&gateway, "POST", "/api/v1/changer/move", elsewhere);
    assert!(failure["hint"].as_str().unwrap().contains("changer list"));
}
