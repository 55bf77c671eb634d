//! Unix sockets: the file, its permissions, and what becomes of it.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket, UnixStream};

use super::{ListenError, LocalAddr};

/// How the file of a Unix socket is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnixOptions {
    /// The permissions of the file: who may write to it may connect. `0o600`, which is the user
    /// that the process runs as, and root.
    ///
    /// With `0o660` the file's group may connect as well: that is the group that the process runs
    /// as, or the one of the directory where the directory has the setgid bit. With `0o666`
    /// everybody may who can reach the directory.
    pub mode: u32,
}

impl Default for UnixOptions {
    fn default() -> Self {
        Self { mode: 0o600 }
    }
}

impl UnixOptions {
    /// Sets [`mode`](Self::mode).
    #[must_use]
    pub const fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }
}

/// Listens at a path. The permissions are set before anybody can connect.
pub(super) async fn bind(
    path: &Path,
    options: &UnixOptions,
) -> Result<(UnixListener, SocketFile), ListenError> {
    let failed = |error| ListenError::Bind {
        address: LocalAddr::Unix(path.to_owned()).to_string(),
        error,
    };
    let socket = UnixSocket::new_stream().map_err(failed)?;
    if let Err(error) = socket.bind(path) {
        if error.kind() != ErrorKind::AddrInUse {
            return Err(failed(error));
        }
        remove_stale(path).await?;
        socket.bind(path).map_err(failed)?;
    }
    // From here on the file is removed again whatever fails. Until it listens, it refuses.
    let file = SocketFile::new(path).map_err(failed)?;
    let mode = Permissions::from_mode(options.mode & 0o777);
    fs::set_permissions(path, mode).map_err(failed)?;
    let listener = socket.listen(BACKLOG).map_err(failed)?;
    Ok((listener, file))
}

/// Removes a socket that nobody listens to, and nothing else.
async fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let failed = |error| ListenError::Bind {
        address: LocalAddr::Unix(path.to_owned()).to_string(),
        error,
    };
    let gone = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(failed(error)),
    };
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) => return gone(error),
    };
    let path_buf = || path.to_owned();
    if !found.file_type().is_socket() {
        return Err(ListenError::NotASocket { path: path_buf() });
    }
    match UnixStream::connect(path).await {
        // It would block because too many wait already for whoever listens.
        Ok(_) => Err(ListenError::InUse { path: path_buf() }),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            Err(ListenError::InUse { path: path_buf() })
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            tracing::info!(path = %path.display(), "removing a socket that nobody listens to");
            fs::remove_file(path).or_else(gone)
        }
        Err(error) => gone(error),
    }
}

/// The file of a socket that was bound here; it is removed when this is dropped, unless another
/// has taken its place.
///
/// It must be dropped before the socket: as long as that is open, its inode is not given to
/// another, and nobody takes the file for a stale one.
#[derive(Debug)]
pub(super) struct SocketFile {
    /// Absolute, for the process may change its directory.
    path: PathBuf,
    id: (u64, u64),
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let id = id(&path)?;
        Ok(Self { path, id })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let removed = match id(&self.path) {
            Ok(id) if id == self.id => fs::remove_file(&self.path),
            // It was removed or replaced, and is not ours any more.
            Ok(_) => return,
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(path = %self.path.display(), %error, "a socket was not removed");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// The device and the inode, which a file has for itself alone.
fn id(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// As many as tokio lets wait over TCP.
const BACKLOG: u32 = 1024;
