//! What a service manager is told: systemd's protocol of `Type=notify`.

/// Tells the service manager, if there is one that wants to know.
#[cfg(unix)]
pub(super) fn notify(state: &str) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    if let Err(error) = send(&name, state) {
        tracing::warn!(%error, "the service manager could not be told {state}");
    }
}

#[cfg(not(unix))]
pub(super) fn notify(_state: &str) {}

#[cfg(unix)]
fn send(name: &std::ffi::OsStr, state: &str) -> std::io::Result<()> {
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let socket = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::ffi::OsStrExt;

        // An @ stands for the NUL that an abstract name begins with.
        if let Some(name) = name.as_bytes().strip_prefix(b"@") {
            let address = SocketAddr::from_abstract_name(name)?;
            return socket.send_to_addr(state.as_bytes(), &address).map(drop);
        }
    }
    let address = SocketAddr::from_pathname(name)?;
    socket.send_to_addr(state.as_bytes(), &address).map(drop)
}
