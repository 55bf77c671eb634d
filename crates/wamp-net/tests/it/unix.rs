//! Unix sockets: their files, and who may connect.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use wamp_net::listen::UnixOptions;
use wamp_net::{ListenError, Listener, LocalAddr};

/// A directory of the test's own, which is removed with it.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "wamp-net-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("s")
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(&self.0).unwrap().next().is_none()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

async fn bind(path: &PathBuf) -> Result<Listener, ListenError> {
    Listener::bind_unix(path, &UnixOptions::default()).await
}

fn mode(path: &PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Leaves a socket behind that nobody listens to, as a process that was killed does.
fn leave_behind(path: &PathBuf) {
    drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    assert!(fs::metadata(path).unwrap().file_type().is_socket());
}

#[tokio::test]
async fn octets_pass_over_a_unix_socket() {
    let directory = Directory::new();
    let address = format!("unix:{}", directory.socket().display());
    let listener = Listener::bind(&*address).await.unwrap();
    assert_eq!(
        listener.address().unwrap(),
        LocalAddr::Unix(directory.socket())
    );
    assert_eq!(listener.address().unwrap().to_string(), address);
    let error = listener.local_addr().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);

    let mut client = UnixStream::connect(directory.socket()).await.unwrap();
    let mut accepted = listener.accept().await.handshake().await.unwrap();
    assert_eq!(accepted.info.transport, "unix");
    assert_eq!(
        (accepted.info.peer_addr, accepted.info.local_addr),
        (None, None)
    );
    accepted.stream.write_all(b"hello").await.unwrap();
    let mut octets = [0; 5];
    client.read_exact(&mut octets).await.unwrap();
    assert_eq!(&octets, b"hello");
}

#[tokio::test]
async fn the_file_is_for_its_user_alone_unless_it_is_opened() {
    let directory = Directory::new();
    let path = directory.socket();
    let listener = bind(&path).await.unwrap();
    assert_eq!(mode(&path), 0o600);
    drop(listener);
    for open_to in [0o660, 0o666] {
        let options = UnixOptions::default().mode(open_to);
        let _listener = Listener::bind_unix(&path, &options).await.unwrap();
        assert_eq!(mode(&path), open_to);
    }
}

#[tokio::test]
async fn a_socket_that_nobody_listens_to_is_replaced() {
    let directory = Directory::new();
    let path = directory.socket();
    leave_behind(&path);
    let listener = bind(&path).await.unwrap();
    let _client = UnixStream::connect(&path).await.unwrap();
    listener.accept().await;
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn a_socket_in_use_is_left_to_whoever_listens() {
    let directory = Directory::new();
    let path = directory.socket();
    let first = bind(&path).await.unwrap();
    let error = bind(&path).await.unwrap_err();
    assert!(matches!(error, ListenError::InUse { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&*path.to_string_lossy()), "{text}");
    assert!(text.contains("listens there"), "{text}");

    // The first still has its file, and its clients.
    let mut client = UnixStream::connect(&path).await.unwrap();
    client.write_all(b"x").await.unwrap();
    // Who asked whether anybody listens came before.
    for expected in [0, 1] {
        let mut accepted = first.accept().await.handshake().await.unwrap();
        assert_eq!(accepted.stream.read(&mut [0]).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_socket_whose_backlog_is_full_is_in_use() {
    let directory = Directory::new();
    let path = directory.socket();
    let socket = tokio::net::UnixSocket::new_stream().unwrap();
    socket.bind(&path).unwrap();
    let _listener = socket.listen(0).unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = UnixStream::connect(&path).await {
        waiting.push(stream);
    }
    let error = bind(&path).await.unwrap_err();
    assert!(matches!(error, ListenError::InUse { .. }), "{error}");
    assert!(path.exists());
}

#[tokio::test]
async fn what_is_no_socket_is_never_touched() {
    let directory = Directory::new();
    let path = directory.socket();
    fs::write(&path, "precious").unwrap();
    let error = bind(&path).await.unwrap_err();
    assert!(matches!(error, ListenError::NotASocket { .. }), "{error}");
    assert!(error.to_string().contains("was not touched"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

    // A link is not followed, and not removed either.
    let (target, link) = (directory.0.join("target"), directory.0.join("link"));
    leave_behind(&target);
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let error = bind(&link).await.unwrap_err();
    assert!(matches!(error, ListenError::NotASocket { .. }), "{error}");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(target.exists());
}

#[tokio::test]
async fn the_file_goes_with_the_listener() {
    let directory = Directory::new();
    let listener = bind(&directory.socket()).await.unwrap();
    let client = UnixStream::connect(directory.socket()).await.unwrap();
    let incoming = listener.accept().await;
    drop(listener);
    assert!(directory.is_empty());
    // Connections live on.
    drop((client, incoming));
}

#[tokio::test]
async fn a_file_that_took_its_place_stays() {
    let directory = Directory::new();
    let path = directory.socket();
    let first = bind(&path).await.unwrap();
    fs::remove_file(&path).unwrap();
    let _second = bind(&path).await.unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    drop(first);
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
    UnixStream::connect(&path).await.unwrap();
}

#[tokio::test]
async fn a_socket_that_was_handed_over_keeps_its_file() {
    let directory = Directory::new();
    let path = directory.socket();
    let listener = Listener::from(UnixListener::bind(&path).unwrap());
    assert_eq!(listener.address().unwrap(), LocalAddr::Unix(path.clone()));
    drop(listener);
    assert!(path.exists());
    fs::remove_file(&path).unwrap();

    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let listener = Listener::from_std_unix(listener).unwrap();
    let _client = UnixStream::connect(&path).await.unwrap();
    listener.accept().await;
    drop(listener);
    assert!(path.exists());
}

#[tokio::test]
async fn a_path_that_cannot_be_used_is_told_and_leaves_nothing() {
    let directory = Directory::new();
    let missing = directory.0.join("missing").join("s");
    let too_long = directory.0.join("x".repeat(200));
    for path in [missing, too_long, PathBuf::new()] {
        let error = bind(&path).await.unwrap_err();
        assert!(matches!(error, ListenError::Bind { .. }), "{error}");
        let start = format!("unix:{} cannot be listened on: ", path.display());
        assert!(error.to_string().starts_with(&start), "{error}");
    }
    assert!(directory.is_empty());
}

#[tokio::test]
async fn a_tcp_listener_of_tokio_is_taken_as_well() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    assert_eq!(Listener::from(socket).local_addr().unwrap(), address);
}
