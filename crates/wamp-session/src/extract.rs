//! Extractors: what the parameters of a handler may be.
//!
//! A parameter that serde can read is an argument: the first takes the first, and so on. Others
//! take what is beside the arguments: [`Kwargs`], [`Args`], the details, the [`Session`].

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::UnitDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
use wamp_messages::Payload;
use wamp_serializers::{PayloadError, decode_args, decode_kwargs};

use crate::error::ApplicationError;
use crate::register::CallDetails;
use crate::session::Session;
use crate::subscription::{Event, EventDetails};

/// What a handler is called with: an invocation or an event.
pub trait Context {
    /// The arguments, not decoded.
    fn payload(&self) -> &Payload;

    /// The session, unless it is ending.
    fn session(&self) -> Option<Session>;
}

/// An invocation, as the parameters of its handler see it.
#[derive(Debug, Clone)]
pub struct InvocationContext {
    pub(crate) payload: Payload,
    pub(crate) details: CallDetails,
    pub(crate) session: Option<Session>,
}

impl Context for InvocationContext {
    fn payload(&self) -> &Payload {
        &self.payload
    }

    fn session(&self) -> Option<Session> {
        self.session.clone()
    }
}

impl Context for Event {
    fn payload(&self) -> &Payload {
        Self::payload(self)
    }

    fn session(&self) -> Option<Session> {
        Self::session(self)
    }
}

/// A parameter of a handler.
///
/// `M` only tells the ways apart in which a type can be one; it is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of this handler",
    label = "not an argument and no extractor",
    note = "a parameter is an argument if it implements `serde::Deserialize` and borrows nothing",
    note = "others are `Args<T>`, `Kwargs<T>`, `Session`, and `CallDetails` (of a call) or `EventDetails` (of an event)"
)]
pub trait Extract<C, M>: Sized {
    /// The argument that it is made of.
    type Argument: DeserializeOwned;

    /// Whether it takes an argument.
    const IS_ARGUMENT: bool;

    /// Whether it takes all arguments.
    const IS_REST: bool = false;

    /// Makes the parameter.
    ///
    /// # Errors
    ///
    /// The argument is missing, or what is beside the arguments does not fit.
    fn extract(argument: Option<Self::Argument>, context: &C) -> Result<Self, ApplicationError>;
}

/// Marks a parameter that is an argument.
#[derive(Debug)]
pub struct ViaArgument;

/// Marks a parameter that is made of what is beside the arguments.
#[derive(Debug)]
pub struct ViaContext;

impl<C, T: DeserializeOwned> Extract<C, ViaArgument> for T {
    type Argument = T;
    const IS_ARGUMENT: bool = true;

    fn extract(argument: Option<T>, _: &C) -> Result<Self, ApplicationError> {
        // A missing argument is no argument to an `Option`, and an error to others.
        argument.map_or_else(
            || {
                T::deserialize(UnitDeserializer::<serde::de::value::Error>::new())
                    .map_err(|_| ApplicationError::invalid_argument("an argument is missing"))
            },
            Ok,
        )
    }
}

/// All arguments as one value, which is made of a list: a tuple, a `Vec<Value>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args<T>(pub T);

impl<C: Context, T: DeserializeOwned> Extract<C, ViaContext> for Args<T> {
    type Argument = IgnoredAny;
    const IS_ARGUMENT: bool = false;
    const IS_REST: bool = true;

    fn extract(_: Option<IgnoredAny>, context: &C) -> Result<Self, ApplicationError> {
        decode_args(context.payload())
            .map(Self)
            .map_err(|error| invalid(&error))
    }
}

/// All keyword arguments as one value, which is made of a dict: a struct, a `Dict`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kwargs<T>(pub T);

impl<C: Context, T: DeserializeOwned> Extract<C, ViaContext> for Kwargs<T> {
    type Argument = IgnoredAny;
    const IS_ARGUMENT: bool = false;

    fn extract(_: Option<IgnoredAny>, context: &C) -> Result<Self, ApplicationError> {
        decode_kwargs(context.payload())
            .map(Self)
            .map_err(|error| invalid(&error))
    }
}

impl<C: Context> Extract<C, ViaContext> for Session {
    type Argument = IgnoredAny;
    const IS_ARGUMENT: bool = false;

    fn extract(_: Option<IgnoredAny>, context: &C) -> Result<Self, ApplicationError> {
        context
            .session()
            .ok_or_else(|| ApplicationError::runtime("the session is ending"))
    }
}

impl Extract<InvocationContext, ViaContext> for CallDetails {
    type Argument = IgnoredAny;
    const IS_ARGUMENT: bool = false;

    fn extract(
        _: Option<IgnoredAny>,
        context: &InvocationContext,
    ) -> Result<Self, ApplicationError> {
        Ok(context.details.clone())
    }
}

impl Extract<Event, ViaContext> for EventDetails {
    type Argument = IgnoredAny;
    const IS_ARGUMENT: bool = false;

    fn extract(_: Option<IgnoredAny>, event: &Event) -> Result<Self, ApplicationError> {
        Ok(event.details().clone())
    }
}

/// The parameters of a handler: a tuple of [`Extract`]s.
pub trait Parameters<C, M>: Sized {
    /// What is read of the arguments.
    type Arguments;

    /// How many arguments they take.
    const ARGUMENTS: usize;

    /// Whether one of them takes all arguments.
    const HAS_REST: bool;

    /// Reads the arguments, as many as they take.
    ///
    /// # Errors
    ///
    /// An argument does not fit.
    fn read<'de, A: SeqAccess<'de>>(arguments: &mut A) -> Result<Self::Arguments, A::Error>;

    /// Makes the parameters.
    ///
    /// # Errors
    ///
    /// One of them cannot be made.
    fn extract(arguments: Self::Arguments, context: &C) -> Result<Self, ApplicationError>;

    /// The arguments of a call that has none.
    fn none() -> Self::Arguments;
}

/// Makes the parameters of a handler, decoding the arguments once, straight into their types.
pub(crate) fn parameters<C: Context, M, P: Parameters<C, M>>(
    context: &C,
) -> Result<P, ApplicationError> {
    let arguments = if P::ARGUMENTS == 0 {
        // A handler that takes no arguments ignores them.
        P::none()
    } else {
        decode_args::<Decoded<C, M, P>>(context.payload())
            .map_err(|error| invalid(&error))?
            .0
    };
    P::extract(arguments, context)
}

fn invalid(error: &PayloadError) -> ApplicationError {
    ApplicationError::invalid_argument(error.to_string())
}

struct Decoded<C, M, P: Parameters<C, M>>(P::Arguments, PhantomData<fn() -> (C, M)>);

impl<'de, C, M, P: Parameters<C, M>> Deserialize<'de> for Decoded<C, M, P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ParametersVisitor::<C, M, P>(PhantomData))
    }
}

struct ParametersVisitor<C, M, P>(Marker<C, M, P>);

type Marker<C, M, P> = PhantomData<fn() -> (C, M, P)>;

impl<'de, C, M, P: Parameters<C, M>> Visitor<'de> for ParametersVisitor<C, M, P> {
    type Value = Decoded<C, M, P>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {} arguments", P::ARGUMENTS)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let arguments = P::read(&mut seq)?;
        if P::HAS_REST {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
        } else if seq.next_element::<IgnoredAny>()?.is_some() {
            let text = format!("more than {} arguments were given", P::ARGUMENTS);
            return Err(A::Error::custom(text));
        }
        Ok(Decoded(arguments, PhantomData))
    }
}

macro_rules! parameters {
    ($($type:ident $marker:ident),*) => {
        #[allow(non_snake_case, unused_mut, unused_variables, clippy::unused_unit)]
        impl<C, $($type, $marker),*> Parameters<C, ($($marker,)*)> for ($($type,)*)
        where
            $($type: Extract<C, $marker>,)*
        {
            type Arguments = ($(Option<$type::Argument>,)*);
            const ARGUMENTS: usize = 0 $(+ $type::IS_ARGUMENT as usize)*;
            const HAS_REST: bool = false $(|| $type::IS_REST)*;

            fn read<'de, A: SeqAccess<'de>>(
                arguments: &mut A,
            ) -> Result<Self::Arguments, A::Error> {
                $(let $type = if $type::IS_ARGUMENT { arguments.next_element()? } else { None };)*
                Ok(($($type,)*))
            }

            fn extract(
                arguments: Self::Arguments,
                context: &C,
            ) -> Result<Self, ApplicationError> {
                let ($($type,)*) = arguments;
                Ok(($($type::extract($type, context)?,)*))
            }

            fn none() -> Self::Arguments {
                ($(None::<$type::Argument>,)*)
            }
        }
    };
}

parameters!();
parameters!(A1 M1);
parameters!(A1 M1, A2 M2);
parameters!(A1 M1, A2 M2, A3 M3);
parameters!(A1 M1, A2 M2, A3 M3, A4 M4);
parameters!(A1 M1, A2 M2, A3 M3, A4 M4, A5 M5);
parameters!(A1 M1, A2 M2, A3 M3, A4 M4, A5 M5, A6 M6);
parameters!(A1 M1, A2 M2, A3 M3, A4 M4, A5 M5, A6 M6, A7 M7);
parameters!(A1 M1, A2 M2, A3 M3, A4 M4, A5 M5, A6 M6, A7 M7, A8 M8);
