//! What a command failed with, as the driver is told.

use serde_json::{Value as Json, json};
use wamp::serializers::PayloadError;
use wamp::{
    ApplicationError, CallError, ConnectError, Dict, LeaveError, PublishError, RegisterError,
    SubscribeError, Value,
};

use crate::ours::json::{plain, plain_dict};

/// Why a command was not carried out.
pub(super) enum Failure {
    /// The other side said so: `{"uri", "args", "kwargs"}`.
    Application(Json),
    Other(anyhow::Error),
}

impl Failure {
    fn application(error: &ApplicationError) -> Self {
        let payload = error.args().and_then(|args: Vec<Value>| {
            let kwargs: Dict = error.kwargs()?;
            Ok((args, kwargs))
        });
        match payload {
            Ok((args, kwargs)) => Self::Application(json!({
                "uri": error.uri().as_str(),
                "args": args.iter().map(plain).collect::<Json>(),
                "kwargs": plain_dict(&kwargs),
            })),
            Err(error) => error.into(),
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Aborted(details) => Self::Application(json!({
                "uri": details.reason.as_str(),
                "args": details.message.into_iter().collect::<Vec<_>>(),
                "kwargs": {},
            })),
            other => Self::Other(other.into()),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<PayloadError> for Failure {
    fn from(error: PayloadError) -> Self {
        Self::Other(error.into())
    }
}

impl From<LeaveError> for Failure {
    fn from(error: LeaveError) -> Self {
        Self::Other(error.into())
    }
}

macro_rules! of_operation {
    ($($error:ident)*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                match error {
                    $error::Application(error) => Self::application(&error),
                    other => Self::Other(other.into()),
                }
            }
        })*
    };
}

of_operation!(CallError PublishError RegisterError SubscribeError);
