//! What opens a transport for a session, and why it could not.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use wamp_core::Transport;

use crate::error::ConnectError;

/// Opens transports, as often as sessions are to be opened; kept as an object.
///
/// ```
/// use std::fs::File;
/// use std::io;
///
/// use async_trait::async_trait;
/// use wamp_core::Transport;
/// use wamp_session::{Connect, ConnectError, Connector, ConnectorError};
///
/// /// Opens a transport over a serial line.
/// struct Line(&'static str);
///
/// #[async_trait]
/// impl Connector for Line {
///     async fn connect(&self) -> Result<Box<dyn Transport>, ConnectError> {
///         let line = File::options().read(true).write(true).open(self.0).map_err(|error| {
///             ConnectorError::new(format!("{}: {error}", self.0)).because(error)
///         })?;
///         // Here the line becomes a transport.
///         # let _ = line;
///         # Err(ConnectorError::new("the example ends here").into())
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// let refused = Connect::with(Line("/dev/unplugged/0")).await;
/// let Err(ConnectError::Connect(error)) = refused else { panic!("there is no such line") };
/// assert!(error.to_string().starts_with("/dev/unplugged/0: "));
/// let cause = error.downcast_ref::<io::Error>().expect("it is the cause");
/// assert_eq!(cause.kind(), io::ErrorKind::NotFound);
/// # }
/// ```
#[async_trait]
pub trait Connector: Send + Sync {
    /// Opens a transport. The future is dropped when the session's time to open is over, and is to
    /// leave nothing behind then.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Connect`] holds a [`ConnectorError`]: a text that says what was tried and
    /// what failed, and the error that is the [cause](ConnectorError::because).
    async fn connect(&self) -> Result<Box<dyn Transport>, ConnectError>;
}

/// Why a [`Connector`] has no transport: a text for people, and the cause for programs.
///
/// What the cause may be, the connector documents. It can be asked for
/// [by its type](Self::downcast_ref), and is the [`source`](Error::source) of this error.
#[derive(Clone)]
pub struct ConnectorError {
    text: String,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl ConnectorError {
    /// Makes an error of a text, which says what was tried and what failed.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { text, cause: None }
    }

    /// Names the cause. The text stays as it is: it should tell of the cause already.
    #[must_use]
    pub fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// Finds the first error of a type: the cause, its own [`source`](Error::source), or one
    /// further down.
    pub fn downcast_ref<T: Error + 'static>(&self) -> Option<&T> {
        std::iter::successors(self.source(), |&error| error.source())
            .find_map(|error| error.downcast_ref())
    }
}

/// Says the text alone: that is what a `main` shows that returns the error.
impl fmt::Debug for ConnectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectorError({})", self.text)
    }
}

impl fmt::Display for ConnectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for ConnectorError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Some(cause) => Some(&**cause),
            None => None,
        }
    }
}
