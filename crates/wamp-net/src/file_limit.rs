//! How many files the process may have open: each connection is one.

use std::io;

/// Raises the number of files that the process may have open, as far as it may itself.
///
/// A process begins with a soft limit, often 1 024, and may raise it up to a hard one. Returned is
/// the limit that holds then, which is at least `wanted`; one that is higher already stays so.
/// What a listener needs is told at [`ListenLimits`](crate::ListenLimits).
///
/// ```
/// // Before any listener is bound.
/// if let Err(error) = wamp_net::raise_file_limit(70_000) {
///     eprintln!("{error}");
/// }
/// ```
///
/// Where the system has no such limit, nothing is done and `wanted` returned.
///
/// # Errors
///
/// The hard limit is lower: then the soft one is raised up to it all the same. Or the system does
/// not let the process raise it.
pub fn raise_file_limit(wanted: u64) -> Result<u64, FileLimitError> {
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit >= wanted => Ok(limit),
        Ok(limit) => Err(FileLimitError::TooLow { limit, wanted }),
        Err(error) => Err(FileLimitError::System { error, wanted }),
    }
}

/// Why the process may not open as many files as it wants.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileLimitError {
    /// The system does not let the process raise its limit.
    #[error(
        "the limit of open files could not be raised to {wanted}: {error}; raise it where the \
         process is started, by `ulimit -n {wanted}` in a shell or `LimitNOFILE={wanted}` in a unit \
         of systemd"
    )]
    System {
        /// What the system says.
        #[source]
        error: io::Error,
        /// How many were asked for.
        wanted: u64,
    },
    /// The hard limit is lower, and the process may not raise that.
    #[error(
        "the process may have {limit} files open, its hard limit, and {wanted} are wanted; raise \
         it where the process is started, by `ulimit -n {wanted}` as root or `LimitNOFILE={wanted}` \
         in a unit of systemd, or set lower limits of connections"
    )]
    TooLow {
        /// How many there may be now.
        limit: u64,
        /// How many were asked for.
        wanted: u64,
    },
}

#[cfg(all(test, unix))]
mod tests {
    use rlimit::Resource;

    use super::*;

    #[test]
    fn the_soft_limit_is_raised_and_no_further_than_the_hard_one() {
        let (before, hard) = Resource::NOFILE.get().unwrap();
        Resource::NOFILE.set(before - 1, hard).unwrap();
        assert_eq!(raise_file_limit(before).unwrap(), before);
        assert_eq!(Resource::NOFILE.get_soft().unwrap(), before);
        // What is there already stays.
        assert_eq!(raise_file_limit(1).unwrap(), before);

        match raise_file_limit(hard + 1) {
            Err(FileLimitError::TooLow { limit, wanted }) => {
                assert_eq!((limit, wanted), (hard, hard + 1));
                assert_eq!(Resource::NOFILE.get_soft().unwrap(), hard);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_says_what_limit_there_is_and_what_to_do() {
        let text = FileLimitError::TooLow {
            limit: 1_024,
            wanted: 70_000,
        };
        let text = text.to_string();
        for part in [
            "1024 files",
            "70000 are wanted",
            "ulimit -n 70000",
            "LimitNOFILE=70000",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
