//! HTTP/1.1 as far as Git clients need it, and the CGI call behind it (RFC 3875, git-http-backend(1)).

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// A request, read to its end.
pub(super) struct Incoming {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// A response to be written.
pub(super) struct Outgoing {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Bytes of the body after which nothing more is written.
    pub(super) cut: Option<usize>,
}

impl Incoming {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }
}

impl Outgoing {
    pub(super) fn status(status: u16, headers: Vec<(String, String)>) -> Self {
        Self {
            status,
            headers,
            body: Vec::new(),
            cut: None,
        }
    }

    pub(super) fn of(content_type: &str, body: Vec<u8>) -> Self {
        Self {
            status: 200,
            headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
            body,
            cut: None,
        }
    }
}

/// Reads one request; `None` at the end of the connection.
pub(super) fn read_request(stream: &mut dyn Read) -> Option<Incoming> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request = Incoming {
        method,
        path,
        headers,
        body: Vec::new(),
    };
    if request.header("transfer-encoding") == Some("chunked") {
        request.body = read_chunks(stream)?;
    } else if let Some(length) = request.header("content-length") {
        request.body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut request.body).ok()?;
    }
    Some(request)
}

fn read_chunks(stream: &mut dyn Read) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            stream.read_exact(&mut byte).ok()?;
            line.push(byte[0]);
        }
        let length = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        stream.read_exact(&mut chunk).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}

/// Writes a response that keeps the connection.
pub(super) fn write_response(stream: &mut dyn Write, response: &Outgoing) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} x\r\n", response.status);
    for (key, value) in &response.headers {
        head.push_str(&format!("{key}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", response.body.len()));
    stream.write_all(head.as_bytes())?;
    let end = response.cut.unwrap_or(usize::MAX).min(response.body.len());
    stream.write_all(&response.body[..end])?;
    stream.flush()
}

/// Runs `git http-backend` for one request.
pub(super) fn run_backend(request: &Incoming, directory: &Path) -> Outgoing {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let mut command = Command::new("git");
    command
        .arg("http-backend")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_PROJECT_ROOT", directory)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("REMOTE_USER", "agent")
        .env("REMOTE_ADDR", "127.0.0.1");
    for (header, variable) in [
        ("content-type", "CONTENT_TYPE"),
        ("git-protocol", "GIT_PROTOCOL"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
    ] {
        if let Some(value) = request.header(header) {
            command.env(variable, value);
        }
    }
    let failed = |_| Outgoing::status(500, Vec::new());
    call(command, &request.body).map_or_else(failed, |output| parse_cgi(&output))
}

fn call(mut command: Command, input: &[u8]) -> io::Result<Vec<u8>> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stdin = child.stdin.take();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
    let output = child.wait_with_output()?;
    writer.join().ok();
    Ok(output.stdout)
}

fn parse_cgi(output: &[u8]) -> Outgoing {
    let Some(end) = output.windows(4).position(|w| w == b"\r\n\r\n") else {
        return Outgoing::status(500, Vec::new());
    };
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let mut response = Outgoing {
        status: 200,
        headers: Vec::new(),
        body: output[end + 4..].to_vec(),
        cut: None,
    };
    for (key, value) in head.lines().filter_map(|line| line.split_once(':')) {
        if key.eq_ignore_ascii_case("status") {
            let code = value
                .split_whitespace()
                .next()
                .and_then(|code| code.parse().ok());
            response.status = code.unwrap_or(500);
        } else {
            response
                .headers
                .push((key.to_owned(), value.trim().to_owned()));
        }
    }
    response
}
