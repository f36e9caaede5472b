//! A stream of bytes cut into lines, each with a limit on its length and on the silence before it.

use std::time::Duration;

use http_body_util::BodyExt as _;
use kube::client::Body;

/// Longest line: one event with one object. etcd refuses objects above 1.5 MiB; JSON may be twice as long.
const MAX_LINE: usize = 8 << 20;

/// Why there is no further line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoLine {
    /// The stream ended in order.
    End,
    /// Nothing came for too long.
    Silence,
    /// The connection broke.
    Broken,
    /// A line is longer than any event.
    TooLong,
}

/// Lines of an answer's body.
pub(super) struct Lines {
    body: Body,
    buffer: Vec<u8>,
    /// Bytes of the buffer known to have no line end.
    searched: usize,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lines")
    }
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body,
            buffer: Vec::new(),
            searched: 0,
        }
    }

    /// The next line, without its end; `silence` is the longest wait for any byte. Dropping the future loses nothing.
    pub(super) async fn next(&mut self, silence: Duration) -> Result<Vec<u8>, NoLine> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(line);
            }
            if self.buffer.len() > MAX_LINE {
                return Err(NoLine::TooLong);
            }
            let frame = tokio::time::timeout(silence, self.body.frame())
                .await
                .map_err(|_| NoLine::Silence)?;
            match frame {
                None => return Err(NoLine::End),
                Some(Err(_)) => return Err(NoLine::Broken),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.buffer.extend_from_slice(&bytes);
                    }
                }
            }
        }
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let Some(at) = self.buffer[self.searched..]
            .iter()
            .position(|&byte| byte == b'\n')
        else {
            self.searched = self.buffer.len();
            return None;
        };
        let rest = self.buffer.split_off(self.searched + at + 1);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.pop();
        self.searched = 0;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_cut_into_lines_and_its_rest_is_dropped() {
        let mut lines = Lines::new(Body::from(b"one\ntwo\nrest".to_vec()));
        let second = Duration::from_secs(1);
        assert_eq!(lines.next(second).await, Ok(b"one".to_vec()));
        assert_eq!(lines.next(second).await, Ok(b"two".to_vec()));
        assert_eq!(lines.next(second).await, Err(NoLine::End));
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_refused() {
        let mut lines = Lines::new(Body::from(vec![b'x'; MAX_LINE + 1]));
        assert_eq!(
            lines.next(Duration::from_secs(1)).await,
            Err(NoLine::TooLong)
        );
    }
}
