//! Unix domain sockets.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use wamp_net::{DialError, DialOptions, Endpoint, dial};

/// A path for a socket of this test alone, removed at its end.
pub(super) struct SocketFile(pub(super) PathBuf);

impl SocketFile {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("wamp net {}-{}", process::id(), NEXT.fetch_add(1, Relaxed));
        let file = Self(env::temp_dir().join(name));
        drop(fs::remove_file(&file.0));
        file
    }

    pub(super) fn endpoint(&self, scheme: &str) -> Endpoint {
        format!("{scheme}:{}", self.0.display()).parse().unwrap()
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

#[tokio::test]
async fn a_unix_socket_is_dialled() {
    let file = SocketFile::new();
    let listener = UnixListener::bind(&file.0).unwrap();
    for scheme in ["unix", "ws+unix"] {
        let endpoint = file.endpoint(scheme);
        let options = DialOptions::default();
        let (dialled, accepted) = tokio::join!(dial(&endpoint, &options), listener.accept());
        let (mut dialled, (mut accepted, _)) = (dialled.unwrap(), accepted.unwrap());
        assert_eq!(dialled.info.peer_addr, None);
        assert_eq!(dialled.info.local_addr, None);
        assert_eq!(dialled.info.tls, None);
        dialled.stream.write_all(b"there").await.unwrap();
        dialled.stream.shutdown().await.unwrap();
        accepted.write_all(b"back").await.unwrap();
        let mut read = String::new();
        accepted.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "there");
        drop(accepted);
        read.clear();
        dialled.stream.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "back");
    }
}

#[tokio::test]
async fn a_unix_socket_that_is_not_there_is_told_with_its_path() {
    let file = SocketFile::new();
    let dialling = dial(&file.endpoint("unix"), &DialOptions::default()).await;
    let error = dialling.unwrap_err();
    assert!(matches!(&error, DialError::Unix { path, .. } if *path == file.0));
    let text = error.to_string();
    assert!(text.contains(file.0.to_str().unwrap()), "{text}");

    // It was there, and nobody listens any more.
    drop(UnixListener::bind(&file.0).unwrap());
    let dialling = dial(&file.endpoint("unix"), &DialOptions::default()).await;
    let text = dialling.unwrap_err().to_string();
    assert!(text.contains("refused"), "{text}");
}
